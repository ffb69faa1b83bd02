from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from wizard.contract import Board
from wizard.detect import board_of

MIB = 1 << 20
NAMES = {  # as NVML gives them, and its total in MiB
    ("NVIDIA GeForce GTX 1060 6GB", 6144): "gtx-1060-6g",
    ("GeForce GTX 1060 6GB", 6078): "gtx-1060-6g",
    ("NVIDIA GeForce GTX 1070", 8192): "gtx-1070",
    ("NVIDIA GeForce GTX 1070 Ti", 8192): "gtx-1070-ti",
    ("NVIDIA GeForce GTX 1080", 8192): "gtx-1080",
    ("NVIDIA GeForce GTX 1080 Ti", 11264): "gtx-1080-ti",
    ("GeForce GTX 1080 Ti", 11178): "gtx-1080-ti",
    ("NVIDIA TITAN Xp", 12288): "titan-xp",
    ("NVIDIA GeForce GTX 1660 SUPER", 6144): "gtx-1660-super",
    ("NVIDIA GeForce GTX 1660 Ti", 6144): "gtx-1660-ti",
    ("NVIDIA GeForce RTX 2060", 6144): "rtx-2060-6g",
    ("NVIDIA GeForce RTX 2060", 12288): "rtx-2060-12g",
    ("NVIDIA GeForce RTX 2060 SUPER", 8192): "rtx-2060-super",
    ("NVIDIA GeForce RTX 2070", 8192): "rtx-2070",
    ("NVIDIA GeForce RTX 2070 SUPER", 8192): "rtx-2070-super",
    ("NVIDIA GeForce RTX 2080", 8192): "rtx-2080",
    ("NVIDIA GeForce RTX 2080 SUPER", 8192): "rtx-2080-super",
    ("NVIDIA GeForce RTX 2080 Ti", 11264): "rtx-2080-ti",
    ("NVIDIA GeForce RTX 2080 Ti", 22528): "rtx-2080-ti-22g",
    ("NVIDIA TITAN RTX", 24576): "titan-rtx",
    ("Quadro RTX 6000", 24576): "quadro-rtx-6000",
    ("Quadro RTX 6000", 23040): "quadro-rtx-6000",
    ("Quadro RTX 8000", 49152): "quadro-rtx-8000",
    ("NVIDIA GeForce RTX 3050", 6144): "rtx-3050-6g",
    ("NVIDIA GeForce RTX 3050", 8192): "rtx-3050-8g",
    ("NVIDIA GeForce RTX 3060", 8192): "rtx-3060-8g",
    ("NVIDIA GeForce RTX 3060", 12288): "rtx-3060-12g",
    ("NVIDIA GeForce RTX 3060 Ti", 8192): "rtx-3060-ti",
    ("NVIDIA GeForce RTX 3070", 8192): "rtx-3070",
    ("NVIDIA GeForce RTX 3070 Ti", 8192): "rtx-3070-ti",
    ("NVIDIA GeForce RTX 3080", 10240): "rtx-3080-10g",
    ("NVIDIA GeForce RTX 3080", 12288): "rtx-3080-12g",
    ("NVIDIA GeForce RTX 3080", 20480): "rtx-3080-20g",
    ("NVIDIA GeForce RTX 3080 Ti", 12288): "rtx-3080-ti",
    ("NVIDIA GeForce RTX 3090", 24576): "rtx-3090",
    ("GeForce RTX 3090", 24268): "rtx-3090",
    ("NVIDIA GeForce RTX 3090 Ti", 24564): "rtx-3090-ti",
    ("NVIDIA GeForce RTX 3060 Laptop GPU", 6144): "rtx-3060-laptop-6g",
    ("NVIDIA GeForce RTX 3070 Laptop GPU", 8192): "rtx-3070-laptop-8g",
    ("NVIDIA GeForce RTX 3070 Ti Laptop GPU", 8192): "rtx-3070-ti-laptop-8g",
    ("NVIDIA GeForce RTX 3080 Laptop GPU", 8192): "rtx-3080-laptop-8g",
    ("NVIDIA GeForce RTX 3080 Laptop GPU", 16384): "rtx-3080-laptop-16g",
    ("NVIDIA GeForce RTX 3080 Ti Laptop GPU", 16384): "rtx-3080-ti-laptop-16g",
    ("NVIDIA GeForce RTX 4060", 8188): "rtx-4060",
    ("NVIDIA GeForce RTX 4060 Ti", 8188): "rtx-4060-ti-8g",
    ("NVIDIA GeForce RTX 4060 Ti", 16380): "rtx-4060-ti-16g",
    ("NVIDIA GeForce RTX 4070", 12282): "rtx-4070",
    ("NVIDIA GeForce RTX 4070 SUPER", 12282): "rtx-4070-super",
    ("NVIDIA GeForce RTX 4070 Ti", 12282): "rtx-4070-ti",
    ("NVIDIA GeForce RTX 4070 Ti SUPER", 16376): "rtx-4070-ti-super",
    ("NVIDIA GeForce RTX 4080", 16376): "rtx-4080",
    ("NVIDIA GeForce RTX 4080 SUPER", 16376): "rtx-4080-super",
    ("NVIDIA GeForce RTX 4090", 24564): "rtx-4090",
    ("NVIDIA GeForce RTX 4090", 49140): "rtx-4090-48g",
    ("NVIDIA GeForce RTX 4090 D", 24564): "rtx-4090-d",
    ("NVIDIA GeForce RTX 4090 D", 49140): "rtx-4090-d-48g",
    ("NVIDIA GeForce RTX 4050 Laptop GPU", 6141): "rtx-4050-laptop-6g",
    ("NVIDIA GeForce RTX 4060 Laptop GPU", 8188): "rtx-4060-laptop-8g",
    ("NVIDIA GeForce RTX 4070 Laptop GPU", 8188): "rtx-4070-laptop-8g",
    ("NVIDIA GeForce RTX 4080 Laptop GPU", 12282): "rtx-4080-laptop-12g",
    ("NVIDIA GeForce RTX 4090 Laptop GPU", 16376): "rtx-4090-laptop-16g",
    ("NVIDIA GeForce RTX 5060", 8151): "rtx-5060",
    ("NVIDIA GeForce RTX 5060 Ti", 8151): "rtx-5060-ti-8g",
    ("NVIDIA GeForce RTX 5060 Ti", 16311): "rtx-5060-ti-16g",
    ("NVIDIA GeForce RTX 5070", 12227): "rtx-5070",
    ("NVIDIA GeForce RTX 5070 Ti", 16303): "rtx-5070-ti",
    ("NVIDIA GeForce RTX 5080", 16303): "rtx-5080",
    ("NVIDIA GeForce RTX 5090", 32607): "rtx-5090",
    ("NVIDIA GeForce RTX 5090 D", 32607): "rtx-5090-d",
    ("NVIDIA GeForce RTX 5090 D v2", 24455): "rtx-5090-d-v2",
    ("NVIDIA GeForce RTX 5060 Laptop GPU", 8151): "rtx-5060-laptop-8g",
    ("NVIDIA GeForce RTX 5070 Laptop GPU", 8151): "rtx-5070-laptop-8g",
    ("NVIDIA GeForce RTX 5070 Ti Laptop GPU", 12227): "rtx-5070-ti-laptop-12g",
    ("NVIDIA GeForce RTX 5080 Laptop GPU", 16303): "rtx-5080-laptop-16g",
    ("NVIDIA GeForce RTX 5090 Laptop GPU", 24463): "rtx-5090-laptop-24g",
    ("NVIDIA RTX A4000", 16376): "rtx-a4000",
    ("NVIDIA RTX A4500", 20470): "rtx-a4500",
    ("NVIDIA RTX A5000", 24564): "rtx-a5000",
    ("NVIDIA RTX A5000", 23028): "rtx-a5000",
    ("NVIDIA RTX A6000", 49140): "rtx-a6000",
    ("NVIDIA RTX A6000", 46068): "rtx-a6000",
    ("NVIDIA RTX 4000 Ada Generation", 20475): "rtx-4000-ada",
    ("NVIDIA RTX 4000 SFF Ada Generation", 20475): "rtx-4000-sff-ada",
    ("NVIDIA RTX 4500 Ada Generation", 24570): "rtx-4500-ada",
    ("NVIDIA RTX 5000 Ada Generation", 32760): "rtx-5000-ada",
    ("NVIDIA RTX 6000 Ada Generation", 49140): "rtx-6000-ada",
    ("NVIDIA RTX PRO 4000 Blackwell", 24467): "rtx-pro-4000",
    ("NVIDIA RTX PRO 4500 Blackwell", 32623): "rtx-pro-4500",
    ("NVIDIA RTX PRO 5000 Blackwell", 48935): "rtx-pro-5000",
    ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 97887): "rtx-pro-6000",
    ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 97887): "rtx-pro-6000-max-q",
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 97887): "rtx-pro-6000-server",
    ("Tesla P4", 7680): "p4",
    ("Tesla P40", 24576): "p40",
    ("Tesla P40", 22919): "p40",
    ("Tesla P100-PCIE-12GB", 12288): "p100-12g",
    ("Tesla P100-PCIE-16GB", 16384): "p100-16g",
    ("Tesla P100-SXM2-16GB", 16280): "p100-16g",
    ("Tesla V100-SXM2-16GB", 16384): "v100-16g",
    ("Tesla V100-PCIE-16GB", 16160): "v100-16g",
    ("Tesla V100-SXM2-32GB", 32768): "v100-32g",
    ("Tesla V100-SXM2-32GB-LS", 32768): "v100-32g",
    ("Tesla V100-DGXS-32GB", 32505): "v100-32g",
    ("Tesla V100S-PCIE-32GB", 32768): "v100s-32g",
    ("Tesla T4", 15360): "t4",
    ("Tesla T4", 15109): "t4",
    ("NVIDIA A2", 15356): "a2",
    ("NVIDIA A10", 23028): "a10",
    ("NVIDIA A10G", 23028): "a10g",
    ("NVIDIA A10G", 22731): "a10g",
    ("NVIDIA A16", 15356): "a16",
    ("NVIDIA A30", 24576): "a30",
    ("NVIDIA A40", 46068): "a40",
    ("NVIDIA A100-SXM4-40GB", 40960): "a100-40g",
    ("A100-PCIE-40GB", 40536): "a100-40g",
    ("NVIDIA A100-SXM4-80GB", 81920): "a100-80g",
    ("NVIDIA A100 80GB PCIe", 81920): "a100-80g",
    ("NVIDIA A800-SXM4-80GB", 81920): "a800-80g",
    ("NVIDIA A800 80GB PCIe", 81920): "a800-80g",
    ("NVIDIA L4", 23034): "l4",
    ("NVIDIA L20", 46068): "l20",
    ("NVIDIA L40", 46068): "l40",
    ("NVIDIA L40S", 46068): "l40s",
    ("NVIDIA H20", 97871): "h20",
    ("NVIDIA H20", 143771): "h20-141g",
    ("NVIDIA H20-3e", 143771): "h20-141g",
    ("NVIDIA H100 80GB HBM3", 81559): "h100-sxm",
    ("NVIDIA H100 PCIe", 81559): "h100-pcie",
    ("NVIDIA H100 NVL", 95830): "h100-nvl",
    ("NVIDIA H800", 81559): "h800-sxm",
    ("NVIDIA H800 PCIe", 81559): "h800-pcie",
    ("NVIDIA H200", 143771): "h200",
    ("NVIDIA H200 NVL", 143771): "h200-nvl",
    ("NVIDIA GH200 480GB", 97871): "gh200",
    ("NVIDIA B200", 183359): "b200",
    ("NVIDIA B300 SXM6 AC", 275040): "b300",
    ("NVIDIA GB200", 189471): "gb200",
    ("NVIDIA GB10", 122481): "gb10",
    ("NVIDIA GB10", 124611): "gb10",
    ("Orin (nvgpu)", 62841): "jetson-agx-orin-64g",
    ("Orin (nvgpu)", 30697): "jetson-agx-orin-32g",
    ("Orin (nvgpu)", 15655): "jetson-orin-nx-16g",
    ("Orin (nvgpu)", 7620): "jetson-orin-nano-8g",
    ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4864): "a100-40g-mig-1g-5gb",
    ("NVIDIA A100-SXM4-40GB MIG 2g.10gb", 9856): "a100-40g-mig-2g-10gb",
    ("NVIDIA A100-PCIE-40GB MIG 3g.20gb", 20224): "a100-40g-mig-3g-20gb",
    ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 19968): "a100-40g-mig-3g-20gb",
    ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9728): "a100-80g-mig-1g-10gb",
    ("NVIDIA A100-SXM4-80GB MIG 1g.10gb+me", 9728): "a100-80g-mig-1g-10gb",
    ("NVIDIA A100-SXM4-80GB MIG 2g.20gb", 19968): "a100-80g-mig-2g-20gb",
    ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", 40192): "a100-80g-mig-3g-40gb",
    ("NVIDIA A100 80GB PCIe MIG 3g.40gb", 40192): "a100-80g-mig-3g-40gb",
    ("NVIDIA A100 80GB PCIe MIG 4g.40gb", 40192): "a100-80g-mig-4g-40gb",
    ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9984): "h100-sxm-mig-1g-10gb",
    ("NVIDIA H100 80GB HBM3 MIG 2g.20gb", 20096): "h100-sxm-mig-2g-20gb",
    ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", 40320): "h100-sxm-mig-3g-40gb",
    ("NVIDIA H100 PCIe MIG 1g.10gb", 9984): "h100-pcie-mig-1g-10gb",
    ("NVIDIA H100 PCIe MIG 2g.20gb", 20096): "h100-pcie-mig-2g-20gb",
    ("NVIDIA H100 PCIe MIG 3g.40gb", 40448): "h100-pcie-mig-3g-40gb",
    ("NVIDIA H200 MIG 1g.18gb", 16384): "h200-mig-1g-18gb",
    ("NVIDIA H200 MIG 2g.35gb", 33280): "h200-mig-2g-35gb",
    ("NVIDIA H200 MIG 3g.71gb", 71424): "h200-mig-3g-71gb",
}
STRANGERS = [
    ("NVIDIA GeForce GTX 1060 3GB", 3072),
    ("NVIDIA GeForce RTX 2070 with Max-Q Design", 8192),
    ("NVIDIA GeForce RTX 3050 Laptop GPU", 4096),
    ("NVIDIA GeForce RTX 4090 Ti", 24564),
    ("NVIDIA RTX A5000 Laptop GPU", 16384),
    ("NVIDIA RTX 4000 Ada Generation Laptop GPU", 12282),
    ("NVIDIA RTX PRO 5000 Blackwell", 73415),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb", 24192),
    ("Quadro RTX 4000", 8192),
    ("NVIDIA A100-SXM4-80GB MIG 1g.20gb", 19968),
    ("NVIDIA A100-SXM4-80GB MIG 1c.3g.40gb", 40192),
    ("NVIDIA A100-SXM4-80GB MIG 7g.80gb", 80896),
    ("NVIDIA H100 NVL MIG 1g.12gb", 10880),
    ("NVIDIA GH200 144G HBM3e", 146831),
    ("NVIDIA GB300", 256703),
    ("NVIDIA Thor", 125772),
    ("GRID T4-16Q", 16384),
]
OTHER_MEMORY = [
    ("NVIDIA GeForce RTX 3060", 16384),
    ("NVIDIA GeForce RTX 4080", 32768),
    ("NVIDIA GeForce RTX 2080 Ti", 16384),
    ("NVIDIA GB10", 250000),
]
GENERATIONS = {  # capability: memory in GB/s and fp32 in TFLOP/s, from the slowest to the fastest; tensor rate : fp32
    (6, 0): ((500, 750), (9, 11), ()),
    (6, 1): ((190, 550), (4, 13), ()),
    (7, 0): ((900, 1140), (14, 17), (8,)),
    (7, 5): ((280, 680), (5, 17), (4, 8)),
    (8, 0): ((190, 2040), (2.5, 20), (16,)),
    (8, 6): ((160, 1010), (4, 40), (2, 4)),
    (8, 7): ((60, 210), (1, 6), (8,)),
    (8, 9): ((190, 1010), (8, 92), (2, 4)),
    (9, 0): ((240, 4900), (6, 67), (3.4, 13.9, 14.8)),
    (10, 0): ((7700, 8000), (75, 80), (30, 31.25)),
    (10, 3): ((7700, 8000), (75, 80), (30,)),
    (12, 0): ((380, 1800), (9, 126), (1.4, 2, 4)),
    (12, 1): ((270, 275), (29, 32), (4.2,)),
}
QUIRKS = {"no-bf16", "no-cuda-13", "no-peer-to-peer", "laptop-power", "mig", "arm-host", "jetpack"}


@pytest.fixture(scope="module")
def cards(boards: Mapping[str, Board]) -> list[Board]:
    return [board for board in boards.values() if board.id != "cpu"]


@pytest.mark.parametrize(("name", "mib"), NAMES)
def test_a_card_is_known_by_its_nvml_name(boards: Mapping[str, Board], name: str, mib: int) -> None:
    assert board_of(name, mib * MIB, boards) == NAMES[name, mib]


@pytest.mark.parametrize(("name", "mib"), NAMES)
def test_no_other_board_would_take_it(cards: list[Board], name: str, mib: int) -> None:
    takers = [board.id for board in cards if not board.unified and board_of(name, mib * MIB, {board.id: board})]
    assert takers in ([], [NAMES[name, mib]])


@pytest.mark.parametrize(("name", "mib"), STRANGERS)
def test_a_card_without_a_profile_is_not_taken_for_a_cousin(boards: Mapping[str, Board], name: str, mib: int) -> None:
    assert board_of(name, mib * MIB, boards) is None


@pytest.mark.parametrize(("name", "mib"), OTHER_MEMORY)
def test_a_card_of_the_name_with_other_memory_is_not_taken_for_it(
    boards: Mapping[str, Board], name: str, mib: int
) -> None:
    assert board_of(name, mib * MIB, boards) is None


@pytest.mark.parametrize(
    ("name", "mib", "board"),
    [
        ("NVIDIA GB10", 65536, "gb10"),
        ("Orin (nvgpu)", 12288, "jetson-orin-nx-16g"),
        ("Orin (nvgpu)", 4096, "jetson-orin-nano-8g"),
    ],
)
def test_a_container_may_show_less_of_a_shared_memory(
    boards: Mapping[str, Board], name: str, mib: int, board: str
) -> None:
    assert board_of(name, mib * MIB, boards) == board


def test_every_profile_has_a_name_that_only_it_matches(cards: list[Board]) -> None:
    assert set(NAMES.values()) == {board.id for board in cards}


def test_ids_are_short_names_in_kebab_case(boards: Mapping[str, Board]) -> None:
    words = [word for board in boards.values() for word in (board.id, *board.aliases)]
    assert [word for word in words if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", word)] == []
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    "field", ["total_bytes", "bandwidth_bytes_per_second", "compute_capability", "overhead_bytes", "tflops", "patterns"]
)
def test_every_board_says_what_the_laws_need(cards: list[Board], field: str) -> None:
    assert [board.id for board in cards if not getattr(board, field)] == []


def test_every_file_names_its_source(boards: Mapping[str, Board]) -> None:
    assert [board.id for board in boards.values() if not board.source] == []


def test_figures_are_those_of_the_generation(cards: list[Board]) -> None:
    for board in cards:
        assert board.compute_capability, board.id
        (slow, fast), (least, most), tensor = GENERATIONS[board.compute_capability]
        assert slow <= board.bandwidth_bytes_per_second / 1e9 <= fast, board.id
        assert least <= board.tflops["fp32"] <= most, board.id
        assert 0.01 < board.total_bytes / board.bandwidth_bytes_per_second < 0.5, board.id
        if "fp16" in board.tflops:
            ratio = board.tflops["fp16"] / board.tflops["fp32"]
            assert min(abs(ratio / known - 1) for known in tensor) < 0.03, (board.id, ratio)


def test_rates_and_quirks_follow_from_the_chip(cards: list[Board]) -> None:
    for board in cards:
        capability = board.compute_capability or (0, 0)
        assert board.tflops.keys() <= {"fp32", "fp16", "bf16", "fp8"}, board.id
        assert ("bf16" in board.tflops) == (capability >= (8, 0)) == ("no-bf16" not in board.quirks), board.id
        assert board.tflops.get("bf16") in (None, board.tflops.get("fp16")), board.id
        assert ("fp8" in board.tflops) == (capability >= (8, 9)), board.id
        assert board.tflops.get("fp8", 0) == pytest.approx(
            2 * board.tflops["bf16"] if capability >= (8, 9) else 0, rel=0.02
        )
        assert ("no-cuda-13" in board.quirks) == (capability < (7, 5)), board.id
        assert ("laptop-power" in board.quirks) == ("-laptop-" in board.id), board.id
        assert ("jetpack" in board.quirks) == (capability == (8, 7)), board.id
        assert set(board.quirks) <= QUIRKS, board.id


def test_what_the_driver_keeps_is_a_small_part(cards: list[Board]) -> None:
    for board in cards:
        assert 0 <= board.reserved_bytes < board.total_bytes * 0.07, board.id
        assert board.reserved_bytes == 0 or not board.unified, board.id


def test_a_slice_is_smaller_than_its_card(boards: Mapping[str, Board], cards: list[Board]) -> None:
    for board in cards:
        assert ("mig" in board.quirks) == ("-mig-" in board.id), board.id
        if "mig" in board.quirks:
            parent, slices, memory = boards[board.id.partition("-mig-")[0]], *board.id.rpartition("-mig-")[2].split("-")
            assert board.compute_capability == parent.compute_capability, board.id
            assert board.tflops.keys() == parent.tflops.keys(), board.id
            assert board.total_bytes < int(memory.removesuffix("gb")) * 1e9 * 1.08 < parent.total_bytes, board.id
            assert board.bandwidth_bytes_per_second < parent.bandwidth_bytes_per_second, board.id
            share = board.tflops["bf16"] / parent.tflops["bf16"]
            assert share == pytest.approx(int(slices.removesuffix("g")) / 7, rel=0.16), board.id

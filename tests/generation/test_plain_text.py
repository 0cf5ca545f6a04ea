"""Plain text: nothing that is sent to a server is a control token of any tokenizer there."""

import pytest

from ragcl.generation.plain_text import for_a_server, from_a_server


@pytest.mark.parametrize(
    "token",
    [
        "<|im_end|>",
        "<|eot_id|>",
        "</s>",
        "<start_of_turn>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<\uff5cUser\uff5c>",
    ],
)
def test_a_server_gets_text_that_nobody_sees_a_difference_in(token: str) -> None:
    text = f"see {token}, a<{token}"
    [sent] = for_a_server([{"role": "user", "content": text}])

    assert sent["role"] == "user"
    assert token not in sent["content"]
    assert from_a_server(sent["content"]) == text


@pytest.mark.parametrize("text", ["It is 11 metres.", "a < b and c > d", "[1] one\n[2] two", "<>"])
def test_ordinary_text_is_sent_as_it_is(text: str) -> None:
    message = {"role": "user", "content": text}

    assert for_a_server([message]) == [message]

"""Texts for people: both locales say the same, values are cleaned, the protocol's words are kept."""

import re

import pytest

from mcp_server.locales.messages import DEFAULT, LOCALES, VALUE_LIMIT, message, texts

VALUE = re.compile(r"\{(\w+)\}")


def test_every_locale_has_the_same_keys_with_the_same_values() -> None:
    """A text that one language lacks would fail when it is needed."""
    expected = {key: set(VALUE.findall(text)) for key, text in texts(DEFAULT).items()}
    assert len(expected) > 35
    for locale in LOCALES:
        assert {key: set(VALUE.findall(text)) for key, text in texts(locale).items()} == expected, locale
        assert all(text.strip() for text in texts(locale).values())


@pytest.mark.parametrize(
    ("key", "values", "portuguese"),
    [
        ("handoff.suggestion", {"message": "x"}, "💡 Sugestão: x"),
        (
            "handoff.post_change_validation",
            {},
            "Mudança aplicada. Quer que o Network Analyst faça um health-check para confirmar?",
        ),
        (
            "handoff.partial_failure_investigation",
            {},
            "Algumas operações falharam. Recomendo que o Network Analyst investigue.",
        ),
        (
            "handoff.automation_opportunity",
            {},
            "Esta configuração pode ser automatizada. Quer que o Workflow Creator crie um workflow?",
        ),
        (
            "session.summary_offer",
            {"count": 5},
            "📊 Já foram 5 mudanças nesta sessão. Quer um resumo antes de continuar?",
        ),
        ("task.done", {}, "Concluído"),
        ("error.rate_limit", {"retry_after": 30}, "⏳ Rate limit atingido. Aguardando 30s..."),
        ("error.sgt_readonly", {}, "⛔ Porta protegida por TrustSec/SGT. Não é possível modificar via API."),
        ("error.not_found", {"error": "x"}, "❌ Recurso não encontrado: x"),
        ("error.not_found_more", {}, "Verifique se org_id, network_id e serial estão corretos."),
        ("error.auth", {}, "🔑 Erro de autenticação. API key pode ter expirado."),
        ("error.server_error", {}, "🔧 Erro no servidor Meraki. Tentando novamente em 30s..."),
        ("error.partial_apply", {}, "⚠️ Mudança aplicou parcialmente. Tentando rollback automático..."),
        ("error.partial_apply_rolled_back", {}, "✅ Rollback automático realizado com sucesso."),
        (
            "error.partial_apply_rollback_failed",
            {},
            "❌ Rollback automático falhou. Estado pode estar inconsistente.",
        ),
        ("error.partial_apply_backup", {"change_id": "CHG-1"}, "Backup salvo em: change_id=CHG-1"),
        ("error.unknown", {"error": "x"}, "❌ Erro inesperado: x"),
    ],
)
def test_the_portuguese_messages_are_the_protocols_word_for_word(
    key: str, values: dict[str, object], portuguese: str
) -> None:
    """They are data; nobody rewords them in passing."""
    assert message("pt-BR", key, **values) == portuguese
    assert message("en", key, **values) != ""


def test_values_from_outside_are_cleaned_and_capped() -> None:
    """An error text of the cloud can neither move the cursor nor fill the screen; braces in it are text."""
    shown = message("en", "error.not_found", error="\x1b[2J{key}\u202e" + "x" * 5000)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "{key}" in shown
    assert len(shown) < VALUE_LIMIT + 40


def test_a_text_asked_for_in_an_unknown_locale_is_english() -> None:
    """Which a setting cannot name."""
    assert message("fr", "task.done") == "Done"


def test_a_missing_value_or_key_is_an_error_and_not_an_empty_text() -> None:
    """A wrong call is found by its test."""
    with pytest.raises(KeyError):
        message("en", "error.not_found")
    with pytest.raises(KeyError):
        message("en", "error.no_such_key")

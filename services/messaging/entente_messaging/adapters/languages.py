"""Tells our languages apart, with py3langid's model."""

import asyncio
from typing import Any

from entente_messaging.application.ports import Languages

_OURS = ["en", "fr", "it", "lv"]
_SURE = 0.7
_LEAST = 3


class ModelLanguages(Languages):
    """Asks a model that is loaded at the first question: some 30 MB and half a second."""

    def __init__(self) -> None:
        self._model: Any = None
        self._loading = asyncio.Lock()

    async def detect(self, text: str) -> str:
        if len(text.split()) < _LEAST:
            return ""
        async with self._loading:
            if self._model is None:
                self._model = await asyncio.to_thread(_load)
        language, sureness = self._model.classify(text[:2000])
        return str(language) if sureness >= _SURE else ""


def _load() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(_OURS)
    return model

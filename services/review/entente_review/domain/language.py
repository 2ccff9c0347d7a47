"""Which language a caption is in, from its small words. It says nothing rather than something doubtful."""

from entente_review.domain.text import Caption, plain

_SMALL_WORDS = {
    "fr": "le la les des du une est et je j'ai vous nous avec pour dans sur pas que qui ce cette mon ma mes ton ta tes "
    "son sa mais très c'est aussi plus au aux en il elle on suis être vraiment depuis votre notre chez sans tout",
    "it": "il lo gli una di che è e per con non sono nel nella della dei delle questo questa mi ho hai ma anche più "
    "molto dal alla al sul sulla come io vi ci mio mia tuo tua del un ogni quando dopo",
    "lv": "un ir es ar par no lai kas ka tas šo šī man mans mana ļoti jau tikai bet vai arī uz pie kad mēs jūs tā "
    "esmu bija būs nav savu kopā paldies vēl pēc kur gan",
    "en": "the and is are i you we with for this that my your of to in it was have has but not so on at be as really "
    "very just from been our they it's i'm i've these an or all",
    "de": "der die das und ist ich mit für nicht ein eine auf sehr auch wir ihr euch mein meine dem den von zu aber "
    "habe hat im wie noch schon so es bei",
    "es": "el la los las una es y yo con para por no que este esta mi muy pero más como del al en lo se tu su todo "
    "cuando desde también hoy",
    "pt": "o a os as uma é e eu com para por não que este esta meu minha muito mas mais como do da no na em "
    "você também",
    "nl": "de het een en is ik met voor niet op zijn heel ook wij jullie mijn maar heb heeft van dat deze nog",
}
_WORDS = {language: {plain(word) for word in words.split()} for language, words in _SMALL_WORDS.items()}

_ENOUGH = 3
"""So many small words at least, and …"""
_CLEARLY = 1.5
"""… so many times those of the next language."""


def detect_language(caption: Caption) -> str | None:
    """The language as ISO 639-1, or None when unsure: few words, several languages, or one that is not known here."""
    words = [plain(word.text) for word in caption.words]
    counts = sorted(((sum(word in small for word in words), name) for name, small in _WORDS.items()), reverse=True)
    (best, language), (second, _) = counts[:2]
    return language if best >= _ENOUGH and best >= _CLEARLY * second else None

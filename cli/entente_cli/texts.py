"""What people write in the scenario: a product test in France. Brand, product and words are made up."""

from typing import Any

BRAND_ID = "lysandre"
BRAND_NAME = "Maison Lysandre"
PRODUCT_URL = "https://www.lysandre.example/serum-aube"

# As in a file for `entente campaign create`: the JSON form of the proto, without the dates.
CAMPAIGN: dict[str, Any] = {
    "title": "Test produit : le Sérum Aube",
    "mechanic": "MECHANIC_PRODUCT_TEST",
    "objective": {"metric": "OBJECTIVE_METRIC_CLICKS", "target": "60"},
    "target_audience": {
        "countries": ["FR"],
        "ages": ["18-24", "25-34"],
        "genders": ["FEMALE"],
        "languages": ["fr"],
        "interests": ["beauty", "lifestyle"],
    },
    "persona": {
        "description": "Camille, 29 ans, Lyon : prend soin de sa peau le matin, en cinq minutes, avant le métro.",
        "purchases": ["soins bio", "crèmes solaires"],
    },
    "brief": {
        "product_name": "Sérum Aube",
        "product_description": "Sérum du matin à la vitamine C stabilisée, 30 ml, fabriqué en Drôme, sans parfum.",
        "product_url": PRODUCT_URL,
        "message": "Un geste simple le matin, un teint plus lumineux : racontez votre essai, avec vos mots.",
        "mandatory_elements": [
            {
                "id": "texture",
                "description": "Montrer et décrire la texture du sérum.",
                "accepted_terms": ["texture", "fluide", "fond dans la peau"],
            },
            {
                "id": "duree",
                "description": "Dire depuis combien de temps le produit est essayé.",
                "accepted_terms": ["semaine", "semaines", "jours"],
            },
        ],
        "hashtags": ["SerumAube"],
        "mentions": ["maisonlysandre"],
        "forbidden_terms": ["miracle", "miraculeux", "guérit"],
        "competitors": ["Belledune"],
        "deliverables": [{"kind": "DELIVERABLE_KIND_REEL", "quantity": 1}],
        "languages": ["fr"],
    },
    "markets": ["FR"],
    "platforms": ["PLATFORM_INSTAGRAM", "PLATFORM_YOUTUBE"],
    "compensation": {
        "model": "COMPENSATION_MODEL_GIFTED",
        "gift_value": {"currency_code": "EUR", "minor_units": "4500"},
        "shipping_cost": {"currency_code": "EUR", "minor_units": "650"},
    },
    "budget": {"currency_code": "EUR", "minor_units": "150000"},
    "places": 8,
}

INVITATION = (
    "Bonjour {name}, nous suivons vos publications sur le soin du quotidien et votre façon d'en parler sans détour. "
    "Nous aimerions vous faire essayer notre Sérum Aube. Votre contact : Inès, chez Maison Lysandre."
)
REFERENCE = "votre reel sur la routine du matin en cinq minutes"
CONTACT = "Inès, responsable des partenariats, Maison Lysandre"

# Two kinds of collaboration to choose from. With the gift, the fee of the second reaches what French law asks a written
# contract for.
OPTIONS: list[dict[str, Any]] = [
    {
        "id": "essai",
        "title": "Essai produit offert",
        "compensation": {
            "model": "COMPENSATION_MODEL_GIFTED",
            "gift_value": {"currency_code": "EUR", "minor_units": "4500"},
            "shipping_cost": {"currency_code": "EUR", "minor_units": "650"},
        },
    },
    {
        "id": "film",
        "title": "Film de la routine, rémunéré",
        "mechanic": "MECHANIC_SPONSORED_POST",
        "compensation": {
            "model": "COMPENSATION_MODEL_FIXED_FEE",
            "fee": {"currency_code": "EUR", "minor_units": "96000"},
            "gift_value": {"currency_code": "EUR", "minor_units": "4500"},
            "shipping_cost": {"currency_code": "EUR", "minor_units": "650"},
        },
    },
]
CLAUSES: dict[str, Any] = {
    "language": "fr",
    "usage_rights": [{"media": "réseaux sociaux de la marque", "territories": ["FR"], "duration_days": 180}],
    "confidentiality_days": 365,
    "non_compete_days": 60,
    "competitors": ["Belledune"],
    "dispute_forum": "DISPUTE_FORUM_MEDIATION",
    "governing_law": "FR",
}
COUNTER = "D'accord sur tout, avec un paiement à quinze jours."
# Numbers of the examples in the registry of IBANs: no account of anybody.
PAYER_IBAN, PAYEE_IBAN = "FR7630006000011234567890189", "DE89370400440532013000"

APPLICATION = "Bonjour, je cherche justement un sérum du matin à essayer avec ma communauté. Au plaisir d'en parler !"
QUESTION = "Bonjour, merci pour votre confiance ! Peut-on utiliser le sérum le soir aussi, ou seulement le matin ?"
ANSWER = "Bonjour ! Plutôt le matin, sous votre crème solaire. Bonne découverte, et écrivez-nous à tout moment."
DECLINED = "Merci de votre intérêt : pour ce test, nous cherchons un public surtout français."
LOSS = "Le suivi annonce une livraison, mais rien n'est arrivé."
CHANGES = "Merci pour ce beau contenu ! Encore un point à reprendre, et c'est prêt."
THANKS = "Merci, c'est exactement l'esprit que nous cherchions."

# Each meets the brief and French law; the words differ as people do.
CAPTIONS = (
    (
        "Collaboration commerciale avec @maisonlysandre. Depuis deux semaines, je commence mes matins avec le "
        "Sérum Aube : la texture fond dans la peau, et je peux mettre ma crème solaire tout de suite après. "
        "#SerumAube"
    ),
    (
        "Publicité : dix jours que je teste le Sérum Aube de @maisonlysandre avec vous en story. Une texture "
        "fluide, pas de parfum, et ma peau est plus douce le matin. Je vous montre tout dans ce réel. #SerumAube "
        "#routine"
    ),
    (
        "Collaboration commerciale. J'ai essayé le Sérum Aube de @maisonlysandre pendant trois semaines, sans "
        "rien changer d'autre à ma routine. La texture est légère et le flacon dure. Mon avis est dans la vidéo. "
        "#SerumAube"
    ),
)

# What goes wrong, and why: each is mended with the caption above that stands at the same place.
FLAWED_CAPTIONS = (
    # "#pub" alone is not what the law asks for.
    (
        "Depuis deux semaines, je commence mes matins avec le Sérum Aube de @maisonlysandre : la texture fond "
        "dans la peau, et je peux mettre ma crème solaire tout de suite après. #SerumAube #pub"
    ),
    # No word of how long, and a term that the brief forbids.
    (
        "Publicité : le Sérum Aube de @maisonlysandre est un produit miracle, vous allez voir dans ce réel. Une "
        "texture fluide, pas de parfum, et ma peau est plus douce. #SerumAube"
    ),
    # The brand is not mentioned and its hashtag is missing.
    (
        "Collaboration commerciale. J'ai essayé le Sérum Aube pendant trois semaines, sans rien changer d'autre à "
        "ma routine. La texture est légère et le flacon dure. Mon avis est dans la vidéo. #beauté"
    ),
)

# What people write below the posts, in the languages that are judged.
COMMENTS = (
    "J'adore ce sérum, merci pour la découverte 😍",
    "Tu l'as acheté où ?",
    "Trop cher pour ce que c'est",
    "My skin has never been so happy!",
    "Bellissima, lo voglio anch'io",
    "Ļoti patīk, paldies!",
    "Ça sent bon au moins ?",
    "Encore une pub, je suis déçue",
)

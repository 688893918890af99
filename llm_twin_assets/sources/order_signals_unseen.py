"""What counts as an order where no reader is spoken to: in hidden text, and in what was encoded."""

from llm_twin_assets.sources.order_words import AI, MODELS, REPLY, SAY, SAYS, SHOW, TOLD, VERBS, Signal

# In text that no reader sees, less than an order to a model is enough.
ONLY_HIDDEN = (
    Signal(
        "vocative",
        2,
        "ai|ais|llm|llms|model|models|assistant|assistants|bot|bots|gpt|chatbot|chatbots|chatgpt|claude|"
        "gemini|copilot|agent|agents",
        rf"\b{AI} (?:must|should|shall|are to|is to|need to|has to|have to|will) (?:always |only |never |"
        rf"not |also )?(?:{SAY}|{SHOW}|favou?r|prefer|treat|choose|rank)\b",
    ),
    Signal(
        "verdict",
        2,
        "say|tell|state|claim|conclude|answer|respond|reply|mention|recommend|write",
        r"(?:^|[.!?:;,] ?|\b(?:and|then|instead|please|must|always|only|just) )(?:say|tell|state|claim|"
        r"conclude|answer|respond|reply|mention|recommend|write)\b(?:(?: \w+){0,3}? (?:that|with|in favou?r|"
        r"the user|users)|(?: \w+){0,2} (?:this|our))\b",
    ),
    Signal(
        "steering",
        2,
        f"when|if|once & asked|asks & {SAYS}",
        r"\b(?:when|if|once) (?:\w+ ){0,3}?ask(?:s|ed) (?:about|for|which|what|"
        rf"whether) (?:\w+ ){{1,4}}?{SAY}\b",
    ),
    Signal("order", 0.5, "|".join(sorted(VERBS)), r".", opens=True),
    Signal(
        "third",
        1,
        "user|whoever|visitor|reader|person|human|listener|customer|candidate",
        r"\b(?:the (?:user|visitor|reader|person|human|listener|customer|candidate)|whoever)\b",
    ),
    Signal(
        "reply",
        1,
        "your|the|each|every|any|this|its|all",
        rf"\b(?:your|the|each|every|any|its|all) (?:\w+ )?{REPLY}\b",
    ),
    Signal(
        "control",
        0.5,
        "instruction|rules|guidelines|policy|prompt|filter|role|task|request|safety",
        r"\b(?:instructions?|rules|guidelines|policy|prompt|filters?|role|task|request|safety)\b",
    ),
    Signal(
        "always",
        0.5,
        "always|only|whenever|every|regardless|never|nothing|best|other|instead|top",
        r"\b(?:always|only|whenever|every|regardless|nothing|best|all other|other \w+|instead|top)\b",
    ),
    Signal(
        "shell",
        2,
        "curl|wget|rm|sh|bash|sudo",
        r"\b(?:curl|wget)\b.{0,200}?\| ?(?:sudo )?(?:ba|z)?sh\b|\brm -rf?\b",
    ),
)
# What was encoded is suspect as it is: an order, and a word about models.
ANY_ORDER = (Signal("order", 1, "|".join(sorted(VERBS)), r".", opens=True),)
MODEL_WORDS = (
    Signal(
        "model",
        1,
        f"{MODELS}|users|instructions|prompt|system|guidelines|guidance|directives|directions|programming|"
        "guardrails|safeguards|briefing|reader|chat|conversation",
        rf"\b(?:{AI}|users?|{TOLD}|system|readers?|chat|conversation)\b",
    ),
)

"""What tells a language model who it is, or whose words these are: each kind with its weight and pattern."""

from llm_twin_assets.sources.order_words import (
    AI,
    GAP,
    MODELS,
    NOW,
    PEOPLE,
    RULES,
    SAY,
    SAYS,
    SHORT,
    TOLD,
    Signal,
)

_AT_START = r"(?:^|[.!?>\]\n]\s{0,3})\W{0,6}"

ADDRESS = (
    Signal(
        "override",
        3,
        "overrides|supersedes|takes|replaces|replace|priority|precedence & previous|prior|earlier|your|"
        "system",
        r"\b(?:instructions?|messages?|directives?|commands?|notices?|rules?|prompts?|text|this|following|"
        r"these|it) (?:\w+ ){0,2}?(?:overrides?|supersedes?|replaces?|takes? (?:precedence|priority) over|"
        rf"ha(?:s|ve) priority over){GAP}(?:(?:previous|prior|earlier|system)\b{SHORT}{TOLD}|"
        rf"your\b{SHORT}(?:{TOLD}|{RULES}))\b",
    ),
    Signal(
        "override",
        3,
        "instructions|prompts|guidelines|guidance|rules|directives|directions|restrictions|orders|"
        "guardrails|filters|policy|policies & your|previous|prior|earlier|initial|original|former|all|"
        "system|content|safety|usage",
        r"\b(?:(?:your|previous|prior|earlier|initial|original|former)(?: \w+){0,2}?|all|system|content|"
        r"safety|"
        rf"usage) (?:{TOLD}|{RULES})(?: \w+){{0,3}}? (?:void|cancel+ed|revoked|superseded|obsolete|"
        r"suspended|lifted|overridden|(?:been|are|were|is) replaced|outdated|out of date|invalid|terminated|"
        r"(?:have|has|been) (?:changed|updated)|(?:be|are) (?:ignored|disregarded)|(?:no longer|"
        r"not) (?:be )?(?:appl\w+|valid|bind\w*|follow\w*|relevant|in force|in effect)|expired|withdrawn|"
        r"rescinded)\b",
    ),
    Signal(
        "role",
        3,
        "now|longer|henceforth|hereby & you",
        r"\byou(?:'re| are)(?: now| no longer| henceforth| hereby)(?: (?!to\b)\w+){0,4}? "
        rf"(?:dan|{AI}|unrestricted|uncensored|jailbroken|unfiltered|bound by|subject to|restricted by|"
        rf"limited by|constrained by|free (?:from|of)|god mode|root|by (?:any|your))\b{PEOPLE}",
    ),
    Signal(
        "role",
        2,
        f"you & {MODELS}|unrestricted|uncensored|unfiltered|jailbroken",
        rf"\byou are \w+, an? (?:\w+ ){{0,2}}{AI}\b{PEOPLE}|"
        r"\byou are an? (?:\w+ ){0,2}(?:unrestricted|uncensored|unfiltered|jailbroken) \w+",
    ),
    Signal(
        "role",
        2,
        "now|longer|henceforth|hereby|point|moment|line|message|day|here|that|starting|forward|effective|"
        "rest|remainder|duration|purposes & you|your|act|every|all|do|any|consider|only|always|never|treat|"
        f"{SAYS}",
        r"(?:\byou(?:'re| are)(?: now| no longer(?! my| our)| henceforth| hereby) (?:an?|the|my|our|called|"
        r"named|in|operating|"
        rf"playing|acting|to)\b|\b{NOW}\W{{1,3}}(?:you|act|speak|always|never|only|your|every|all|do|any|"
        rf"treat|consider|{SAY})\b)",
    ),
    Signal(
        "role",
        1,
        "now|longer|name & you|your",
        r"\byou(?:'re| are) (?:now|no longer(?! my| our)) \w|\byour name is (?:now )?\w",
    ),
    Signal(
        "task",
        2,
        "task|job|goal|role|instructions|objective|mission|purpose|orders|directive|action|request|question|"
        "step|authority|prompt & your|the|you|new|updated|revised|additional|hidden|secret|special|override|"
        "real|actual",
        r"\b(?:your|the|a) (?:new|real|true|only|actual|sole|main|primary|next) (?:\w+ )?(?:task|job|goal|"
        r"role|instructions?|objective|mission|purpose|directive|action|request|question|step|"
        r"authority)(?: (?:is|are)\b(?! not\b)|\s?:)|\b(?:begin|start|here (?:are|follow)|follow) (?:the |"
        r"these |your )?new (?:instructions|orders|task|prompt)\b|\byou have (?:an? )?new (?:role|task|job|"
        r"instructions?|goal|purpose|name)\b|"
        rf"{_AT_START}(?:the )?(?:new|updated|revised|additional|hidden|secret|special|override|real|actual)"
        r" (?:\w+ )?(?:instructions?|directives?|orders?|task)[^.:\n]{0,40}:",
    ),
    Signal(
        "task",
        2,
        "session|conversation|chat & ended|begins|starts|begun|started|over|closed|finished",
        r"\b(?:new|previous|this|the) (?:session|conversation|chat) (?:(?:has )?(?:ended|begins|starts|"
        r"begun|started)|is (?:over|closed|finished))\b",
    ),
    Signal(
        "marker",
        3,
        "im_start|im_end|endoftext|eot_id|begin_of_text|start_header_id|inst|sys|system|start_of_turn|"
        "instruction|role",
        r"(?:^|[.!?>\]]\s{0,3}|\n)\s{0,3}(?:<\|(?:im_start|im_end|system|endoftext|eot_id|begin_of_text|"
        r"start_header_id)\|>|\[/?inst\]|<<sys>>|<start_of_turn>|</?system(?:[-_ ]?\w+)?>|#{2,4} ?(?:system|"
        r"instruction)s?(?: prompt| message)?\s{0,2}:|\[/?system\W{0,2}(?:prompt|message|override|"
        r"instructions?|note|directive)?\]|\{\W{1,3}role\W{1,5}system)",
    ),
    Signal(
        "label",
        2,
        "system|admin|administrator|developer|assistant|ai|llm|operator",
        rf"{_AT_START}(?:important |urgent |new |hidden |updated )?(?:(?:system|admin|administrator|"
        r"developer|assistant|ai|llm|operator)(?: (?:prompt|message|override|notice|instructions?|note|"
        r"alert|update|command|directive|policy)s?)|"
        r"system)(?: for \w+)?(?: \W?v?[\d.]+\W?)?\s{0,2}[:\]>*—–-]",
    ),
    Signal(
        "label",
        2,
        "end|ending|begin|beginning|start & document|context|user|system|instructions|prompt|article|page|"
        "input|data|untrusted",
        rf"{_AT_START}(?:end|begin|start)(?:ning)? (?:of )?(?:the )?(?:document|context|user|system|"
        r"instructions?|prompt|article|page|input|data|untrusted)\b",
    ),
    Signal(
        "authority",
        2,
        "i|my|your|openai|anthropic|google|microsoft|developer|makers|provider|operator|creators & am|"
        "developer|creator|maker|admin|owner|operator|order|command|authorized|approved|allow|instructed|"
        "decided|permit|exception",
        r"\bi(?:'m| am) (?:the|your) (?:developer|creator|maker|admin\w*|owner|operator|master)\b|"
        r"\bi (?:hereby )?(?:order|command|authori[sz]e) you\b|\bmy (?:instructions|orders|"
        r"commands) to you\b|\b(?:openai|anthropic|google|microsoft|(?:your|the) (?:developers?|makers?|"
        r"provider|operator|creators?)) (?:has|have) (?:authori[sz]ed|approved|allowed|instructed|ordered|"
        r"decided)\b|\byour (?:guidelines|rules|policy|instructions) (?:allow|permit|make an exception)\b",
    ),
    Signal("authority", 1, "behavior|behaviour", r"\byour behaviou?r\b"),
    Signal(
        "override",
        3,
        "you & nothing|none|what & counts|applies|apply|matters|holds|valid|longer|more",
        r"\b(?:nothing|none of (?:it|what)|what) you(?:'ve| were| have)(?: been)? (?:told|taught|given|"
        r"instructed)\b[^.!?]{0,30}? (?:counts?|appl(?:y|ies)|matters?|holds?|(?:is|be) valid)\b",
    ),
    Signal(
        "override",
        3,
        "priority|precedence|authority & your|developer|system",
        r"\b(?:higher|top|absolute|highest) (?:priority|precedence|authority) (?:than|"
        r"over) [^.!?]{0,30}?\b(?:your|developer|system)\b",
    ),
    Signal(
        "override",
        3,
        "whatever|matter|regardless|despite & your",
        rf"\b(?:whatever|no matter what|(?:regardless of|despite) what) (?:your|the) (?:\w+ )?(?:{TOLD}|"
        r"developer|operator)\b",
    ),
    Signal(
        "comply",
        3,
        f"refuse|decline|reject|deny & {MODELS}|you",
        rf"\b(?:{AI}|you) (?:will|must|shall|may|can|should) (?:no longer|never|not) (?:decline|refuse|"
        r"reject|deny)\b",
    ),
    Signal(
        "reset",
        2,
        "above & task|text|conversation|article|document",
        r"\b(?:task|text|conversation|article|document|everything) above (?:is|was|"
        r"has been) (?:now )?(?:finished|complete\w*|over|a test|an example|done|false)\b",
    ),
    Signal("reset", 1, "slate|over", r"\b(?:clean|blank) slate\b|\bstart over\b"),
    Signal(
        "leak",
        3,
        "what & you|your & told|instructions|system|prompt|rules",
        r"\bwhat (?:were you|was i|were we)? ?(?:told|instructed) (?:before|above)|\bwhat (?:are|is|were|"
        r"was) (?:you told|your (?:instructions|system prompt|hidden rules))",
    ),
    Signal(
        "role",
        3,
        f"you & now|here|henceforth|forward & {MODELS}",
        rf"\byou are (?:an?|the|my|our) (?:\w+ ){{0,3}}?{AI}\b[^.!?]{{0,40}}? {NOW}",
    ),
    Signal(
        "label",
        1,
        "admin|administrator|root|developer|operator",
        rf"{_AT_START}(?:admin\w*|root|developer|operator)\s?:",
    ),
    Signal(
        "comply",
        2,
        "override|filter|filters|safety|restrictions|guardrails|censorship & code|accepted|granted|"
        "authorized|off|disabled|lifted",
        r"\boverride (?:code|accepted|granted|authori[sz]ed)\b",
    ),
    Signal(
        "unbound",
        2,
        "filters|filter|safety|restrictions|guardrails|censorship & off|disabled|lifted",
        r"\b(?:filters?|safety|restrictions|guardrails|censorship) (?:are |is )?(?:now )?(?:off|disabled|"
        r"lifted)\b",
    ),
    Signal(
        "persona",
        2,
        "let|lets & role|roleplay|game|pretend",
        r"\blet(?:'s| us) (?:role-?play|play a game)\b",
    ),
    Signal(
        "role",
        2,
        "you & part|role|act|pretend|play",
        r"\byou (?:will|must|shall|are to) (?:now )?(?:play|act as|take on|adopt|pretend|assume)\b",
    ),
    Signal(
        "role",
        2,
        "known|mode & you",
        r"\byou(?:'ll| will| shall| are to)(?: now)? be known as\b|\byou(?:'re|"
        r" are)(?: now)? in (?:\w+ )?(?:test|demo|debug|developer|maintenance|admin|training) mode\b",
    ),
)

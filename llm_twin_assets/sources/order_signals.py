"""English orders to a language model, each with its weight and pattern.

Each is matched where a clause begins that may be an order.
"""

from dataclasses import replace

from llm_twin_assets.sources.order_signals_answers import ANSWERS
from llm_twin_assets.sources.order_words import (
    DROP,
    DROPS,
    GAP,
    NOT,
    RULES,
    SECRET,
    SHORT,
    SHOW,
    SHOWS,
    SPEAKS,
    TO_WHERE,
    TOLD,
    USERS,
    WHICH,
    WIDE,
    Signal,
)

_SPEAK = (
    r"(?:mention|tell|reveal|disclose|inform|say|let|notify|show|explain|acknowledge|admit|refer|warn|alert|"
    r"hint|discuss|indicate|state|repeat|point out|bring up|quote)(?:ing)?"
)
_IS_GIVEN = (
    r"(?:above|before|you (?:were|have|had|received|got|may|'ve)|given|so far|until now|up to (?:this|here))"
)
_ORDERS = (
    Signal(
        "override",
        3,
        "instructions|prompts|directives|directions|guidelines|guidance|programming|guardrails|safeguards|"
        f"briefing|system & {DROPS}",
        rf"{DROP}\b(?=(?:{GAP}{WHICH}\b)|{SHORT}(?:all|any|every)\b|"
        rf"{GAP}{TOLD}{GAP}{_IS_GIVEN}\b){WIDE}{TOLD}\b",
    ),
    Signal(
        "override",
        3,
        f"everything|anything|whatever|what|all|text|content & {DROPS}",
        rf"{DROP}{SHORT}(?:everything|anything|whatever|what|all|text|content){SHORT}(?:above|before this|"
        r"you(?:'ve| were| have)(?: been)?(?: ever)? (?:told|instructed|given|said|taught)|came before|"
        r"said so far|precedes|preceded|prior to this|up to (?:this|now)|previously|(?:your|"
        r"the) (?:developers?|makers?|creators?|operators?) (?:told|taught|wrote|said))\b",
    ),
    Signal(
        "override",
        3,
        f"text|content|context|conversation & {DROPS} & previous|prior|above|earlier|preceding",
        rf"{DROP}(?: \w+){{0,2}} (?:previous|prior|above|earlier|preceding) (?:text|content|context|"
        r"conversation)\b",
    ),
    Signal(
        "rules",
        1,
        f"filters|safety|guardrails|restrictions|constraints|rules & {DROPS}",
        rf"{DROP} (?:the|these) (?:filters?|safety \w+|guardrails|restrictions|constraints|rules)\b",
    ),
    Signal(
        "override",
        3,
        f"users|human|question|request|task & {DROPS}",
        rf"{DROP}(?: \w+){{0,3}} (?:what(?:ever)? the (?:user|human)|(?:the )?(?:user|human)'s (?:\w+ )?"
        r"(?:question|request|query|task|message)|the (?:user|question|user request|task you (?:were|"
        r"have been) given)(?=\W*(?:and|instead|;|,|$)))",
    ),
    Signal(
        "rules",
        2,
        "rules|constraints|restrictions|policy|policies|orders|commands|context|training|filters|"
        f"limitations|duties|safety & {DROPS}",
        rf"{DROP}{GAP}(?:{WHICH}|all|any){SHORT}{RULES}\b",
    ),
    Signal(
        "persona",
        2,
        "mode|restrictions|rules|assistant|ai|admin|developer|hacker|evil|persona|root|system|unfiltered|"
        "limits|unrestricted|dan|jailbreak|character & act|pretend|roleplay|role|assume|behave|take|switch|"
        "enter|activate|enable|impersonate|adopt|become|imagine|play|stay|break|leave",
        r"(?:act (?:as|like)|pretend|role-?play|assume|behave (?:like|as)|take on|switch|enter|activate|"
        rf"enable|impersonate|adopt|become|imagine|play|stay in|break|leave){GAP}(?:unrestricted|dan|mode|"
        r"restrictions?|rules|assistant|ai|admin\w*|developer|hacker|evil|persona|root|system|unfiltered|"
        r"limits|jailbr\w+|character)\b",
    ),
    Signal(
        "persona",
        1,
        "act|pretend|role|roleplay|role-play|play|imagine|stay|assume",
        r"(?:act as|pretend|role-?play|play the (?:role|part)|imagine|stay in|assume the)\b",
    ),
    Signal(
        "comply",
        2,
        "request|orders|command|questions|everything & comply|obey|execute|fulfil|carry|answer|accept",
        r"(?:comply with|obey|execute|fulfil|carry out|answer|accept) (?:every|all|any|"
        r"each)(?: \w+)? (?:requests?|orders?|commands?|questions?)\b",
    ),
    Signal(
        "leak",
        3,
        f"prompts|instructions|configuration|rules & {SHOWS}",
        rf"{SHOW}{GAP}(?:(?:your|system|hidden|initial|secret|internal|developer|first|"
        r"original) (?:\w+ ){0,2}?(?:prompts?|instructions)|(?:hidden|initial|secret|"
        r"internal) (?:configuration|rules|settings))\b",
    ),
    Signal(
        "leak",
        3,
        "above|far|before|preceding|context|prompt|told|given|instructed|makers|developers|"
        f"creators & {SHOWS}",
        rf"(?:{SHOW}|translate|write (?:out|down))(?: back| out)?(?: all| every)?(?: of)?(?: the)?(?: first|"
        r" last)? (?:words?|text|lines?|everything|sentences|messages?|tokens|"
        r"content)(?: \w+){0,2}? (?:above|before|preceding|so far|in your (?:context|prompt))\b|"
        rf"{SHOW}{GAP}(?:you were (?:told|given|instructed)|(?:makers|developers|creators|operators?|"
        r"they) (?:told|gave|whispered))\b",
    ),
    Signal(
        "leak",
        2,
        "api|keys|password|credentials|secrets|environment|access|private|conversation|history|transcript|"
        "chat|"
        f"dialogue|users|user's|readers|person|previous|prior|above & {SHOWS}",
        rf"{SHOW}{GAP}{SECRET}\b",
    ),
    Signal(
        "leak",
        3,
        f"http|https|www|webhook|endpoint|server|url|attacker|@ & {SHOWS}",
        rf"{SHOW}{GAP}{SECRET}{TO_WHERE}",
    ),
    Signal(
        "leak",
        3,
        f"see|have|know|hold|given|remember|received|access|read|find|told & {SHOWS}",
        rf"{SHOW}{GAP}{SECRET}(?: \w+){{0,3}}? you (?:can|have|know|hold|were|are|remember|received|find|"
        r"see)\b",
    ),
    Signal(
        "secrecy",
        3,
        f"this|these|that|where|instructions|notice|message|note|why|how & {SPEAKS}",
        rf"{NOT}(?: \w+)? {_SPEAK}(?:(?:\W{{1,3}}\w{{1,20}}){{0,4}}?\W{{1,3}}{USERS})?(?: to| about| of)* "
        r"(?:this (?:notice|note|message|text|instruction|request|rule|paragraph)|these instructions|"
        r"(?:that|why|how|where|who) you(?:'ve| were| have| got| are| saw| received)?|that (?:it was|"
        r"(?:this|they) (?:was|is|were)))\b",
    ),
    Signal(
        "secrecy",
        3,
        f"users|human|reader|visitor|listener|person|people|anyone|anybody & {SPEAKS}",
        rf"{NOT}(?: \w+)? {_SPEAK}{GAP}(?:this|these|instructions?|notice|message)\b{GAP}{USERS}\b|"
        rf"{NOT}(?: \w+)? {_SPEAK}{SHORT}{USERS}\b(?: about| of)? (?:(?:this|it|these)(?:$|[,.;!]| (?:note|"
        r"message|text|instruction|request))|that you|these instructions)",
    ),
    Signal(
        "secrecy",
        2,
        "users|human|reader|visitor|listener|person|people|anyone|anybody|instructions|prompt|message|note|"
        f"notice & {SPEAKS}",
        rf"{NOT}(?: \w+)? {_SPEAK}{GAP}(?:{USERS}|instructions?|prompt|message|note|notice)\b",
    ),
    Signal(
        "secrecy",
        2,
        "this|these|it|them|note|message & keep|hide|conceal|withhold",
        r"(?:keep|hide|conceal|withhold) (?:this|these|it|them)(?: (?:note|notice|message|instruction|"
        r"request|text|fact)s?)?(?: \w+)? (?:secret|hidden|confidential|private|to yourself|between us|"
        r"from (?:the |any |all )?\w+)\b",
    ),
    Signal(
        "tool",
        3,
        "tools|functions|plugins|memory & use|call|invoke|trigger|run|execute|open|save|store|remember|add|"
        "write|commit",
        r"(?:use|call|invoke|trigger|run|execute|open) your (?:[\w-]+ ){0,2}?(?:tools?|functions?|"
        r"plugins?)\b|(?:save|store|remember|add|write|commit)\b.{0,80}? (?:your|long-term|"
        r"persistent) memory\b",
    ),
    Signal(
        "tool",
        2,
        "_|tools|function|plugin|command & use|call|invoke|trigger|run|execute",
        rf"(?:use|call|invoke|trigger|run|execute){SHORT}(?:\w+_\w+\b|(?:e-?mail|shell|browser|search|http|"
        r"file|payment) (?:tool|function|plugin|command))",
    ),
    Signal(
        "decode",
        3,
        "decode|decipher|decrypt|unscramble",
        r"(?:(?:\w+-)?decode|decipher|decrypt|unscramble)\b(?:\W{1,4}\w{1,90}){0,12}?\W{1,4}(?:follow|"
        r"execute|obey|do what|do as|carry out|act|comply|perform|run)\b",
    ),
    Signal(
        "user",
        2,
        "users|human|reader|visitor|listener|people|anyone & tell|inform|convince|assure|persuade|ask|"
        "instruct|direct|urge|advise|encourage|lead|get|prompt|trick|redirect|send|refer|steer|warn",
        r"(?:tell|inform|convince|assure|persuade|ask|instruct|direct|urge|advise|encourage|lead|get|prompt|"
        r"trick|redirect|send|refer|steer|warn) (?:(?:the|every|any|all) (?:users?|humans?|readers?|"
        r"visitors?|listeners?)|users)\b",
    ),
)
ORDERS = tuple(replace(signal, opens=True) for signal in _ORDERS + ANSWERS)

"""English orders to a language model, each with its weight and pattern.

Each is matched where a clause begins that may be an order.
"""

from dataclasses import replace

from llm_twin_assets.sources.order_words import (
    DROP,
    DROPS,
    GAP,
    REPLY,
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

_NOT = r"(?:do not|don't|not|never|avoid|refrain from|without)"
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
        r"said so far|precedes|preceded|prior to this|up to (?:this|now)|previously)\b",
    ),
    Signal(
        "override",
        3,
        f"users|human|question|request|task & {DROPS}",
        rf"{DROP}(?: \w+){{0,3}} (?:what(?:ever)? the (?:user|human)|(?:the )?(?:user|human)'s (?:\w+ )?"
        r"(?:question|request|query|task|message)|the (?:user|question|user request|task you (?:were|have "
        r"been) given)(?=\W*(?:and|instead|;|,|$)))",
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
        "limits|"
        "unrestricted|dan|jailbreak|character & act|pretend|roleplay|role|assume|behave|take|switch|enter|"
        "activate|enable|impersonate|adopt|become|imagine|play|stay|break|leave",
        rf"(?:act (?:as|like)|pretend|role-?play|assume|behave (?:like|as)|take on|switch|enter|activate|"
        rf"enable|"
        rf"impersonate|adopt|become|imagine|play|stay in|break|leave){GAP}(?:unrestricted|dan|mode|"
        rf"restrictions?|rules|"
        rf"assistant|ai|admin\w*|developer|hacker|evil|persona|root|system|unfiltered|limits|jailbr\w+|"
        rf"character)\b",
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
        r"(?:comply with|obey|execute|fulfil|carry out|answer|accept) (?:every|all|any|each)(?: \w+)? "
        r"(?:requests?|orders?|commands?|questions?)\b",
    ),
    Signal(
        "leak",
        3,
        f"prompts|instructions|configuration|rules & {SHOWS}",
        rf"{SHOW}{GAP}(?:(?:your|system|hidden|initial|secret|internal|developer|first|original) (?:\w+ "
        rf"){{0,2}}?"
        r"(?:prompts?|instructions)|(?:hidden|initial|secret|internal) (?:configuration|rules|settings))\b",
    ),
    Signal(
        "leak",
        3,
        f"above|far|before|preceding|context|prompt|told|given|instructed|makers|developers|creators & "
        f"{SHOWS}",
        rf"(?:{SHOW}|translate|write (?:out|down))(?: back| out)?(?: all| every)?(?: of)?(?: the)?(?: first| "
        rf"last)? "
        r"(?:words?|text|lines?|everything|sentences|messages?|tokens|content)(?: \w+){0,2}? (?:above|before|"
        r"preceding|so far|in your (?:context|prompt))\b|"
        rf"{SHOW}{GAP}(?:you were (?:told|given|instructed)|(?:makers|developers|creators|operators?|they) "
        rf"(?:told|gave|whispered))\b",
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
        rf"see)\b",
    ),
    Signal(
        "secrecy",
        3,
        f"this|these|that|where|instructions|notice|message|note|why|how & {SPEAKS}",
        rf"{_NOT}(?: \w+)? {_SPEAK}(?:(?:\W{{1,3}}\w{{1,20}}){{0,4}}?\W{{1,3}}{USERS})?(?: to| about| of)* "
        r"(?:this (?:notice|note|message|text|instruction|request|rule|paragraph)|these instructions|"
        r"(?:that|why|how|where|who) you(?:'ve| were| have| got| are| saw| received)?|that (?:it was|"
        r"(?:this|they) (?:was|is|were)))\b",
    ),
    Signal(
        "secrecy",
        3,
        f"users|human|reader|visitor|listener|person|people|anyone|anybody & {SPEAKS}",
        rf"{_NOT}(?: \w+)? {_SPEAK}{GAP}(?:this|these|instructions?|notice|message)\b{GAP}{USERS}\b|"
        rf"{_NOT}(?: \w+)? {_SPEAK}{SHORT}{USERS}\b(?: about| of)? (?:(?:this|it|these)(?:$|[,.;!]| (?:note|"
        rf"message|text|instruction|"
        r"request))|that you|these instructions)",
    ),
    Signal(
        "secrecy",
        2,
        f"users|human|reader|visitor|listener|person|people|anyone|anybody|instructions|prompt|message|note|"
        f"notice & {SPEAKS}",
        rf"{_NOT}(?: \w+)? {_SPEAK}{GAP}(?:{USERS}|instructions?|prompt|message|note|notice)\b",
    ),
    Signal(
        "secrecy",
        2,
        "this|these|it|them|note|message & keep|hide|conceal|withhold",
        r"(?:keep|hide|conceal|withhold) (?:this|these|it|them)(?: (?:note|notice|message|instruction|"
        r"request|"
        r"text|fact)s?)?(?: \w+)? (?:secret|hidden|confidential|private|to yourself|between us|from (?:the |"
        r"any |all )?\w+)\b",
    ),
    Signal(
        "tool",
        3,
        "tools|functions|plugins|memory & use|call|invoke|trigger|run|execute|open|save|store|remember|add|"
        "write|commit",
        r"(?:use|call|invoke|trigger|run|execute|open) your (?:[\w-]+ ){0,2}?(?:tools?|functions?|"
        r"plugins?)\b|"
        r"(?:save|store|remember|add|write|commit)\b.{0,80}? (?:your|long-term|persistent) memory\b",
    ),
    Signal(
        "tool",
        2,
        "_|tools|function|plugin|command & use|call|invoke|trigger|run|execute",
        rf"(?:use|call|invoke|trigger|run|execute){SHORT}(?:\w+_\w+\b|(?:e-?mail|shell|browser|search|http|"
        rf"file|payment) "
        r"(?:tool|function|plugin|command))",
    ),
    Signal(
        "decode",
        3,
        "decode|decipher|decrypt|unscramble",
        r"(?:(?:\w+-)?decode|decipher|decrypt|unscramble)\b(?:\W{1,4}\w{1,90}){0,12}?\W{1,4}(?:follow|"
        r"execute|obey|"
        r"do what|do as|carry out|act on|comply|perform|run)\b",
    ),
    Signal(
        "user",
        2,
        "users|human|reader|visitor|listener|people|anyone & tell|inform|convince|assure|persuade|ask|"
        "instruct|direct|urge|advise|encourage|lead|get|prompt|trick|redirect|send|refer|steer|warn",
        r"(?:tell|inform|convince|assure|persuade|ask|instruct|direct|urge|advise|encourage|lead|get|prompt|"
        r"trick|"
        r"redirect|send|refer|steer|warn) (?:(?:the|every|any|all) (?:users?|humans?|readers?|visitors?|"
        r"listeners?)|users)\b",
    ),
    Signal(
        "instead",
        2,
        "summarise|summarize|summarising|summarizing|translate|translating|analyze|analyse|process|describe|"
        "answer|"
        "answering|review|reviewing & not|don|refuse|never|stop|cease|quit",
        r"(?:do not|don't|refuse to|never|stop|cease|quit) (?:summari[sz]|translat|analy[sz]|process|describ|"
        r"answer|review)"
        r"(?:e|ing)?\b(?: \w+){0,2}(?: (?:this|the|any|cette)\b|[;,.]|$)",
    ),
    Signal(
        "praise",
        2,
        "positive|favorable|favourable|favourably|highly|highest|above|top|best|maximum|perfect|glowing|10|"
        "full|"
        "strong|acceptance|accept|excellent|exceptional|outstanding & give|write|produce|provide|rate|score|"
        "rank|recommend|describe|present|place|return",
        r"(?:always )?(?:give|write|produce|provide|rate|score|rank|recommend|describe|present|place|"
        r"return)\b"
        r"(?:\W{1,3}\w{1,20}){0,8}?\W(?:positive|favou?rabl[ey]|highly|highest|top|best|maximum|perfect|"
        r"glowing|"
        r"10/10|full marks|strong accept|acceptance|excellent|exceptional|outstanding|above all)\b",
    ),
    Signal(
        "blind",
        1,
        "mention|reference|complaint|another|other|commenting|weakness|weaknesses|flaws|criticism|critical|"
        "critique|negative|drawbacks|limitations|alternatives|competitors|"
        "rivals|shortcomings|faults & not|don|never|avoid|refrain|without|leave|omit|skip",
        r"(?:leave out|omit|skip|drop|avoid) (?:any |all |every |the )*(?:mention|reference|complaint|"
        r"criticism)\w*\b|"
        rf"{_NOT} (?:\w+ ){{0,6}}?(?:another|other (?:brand|maker|shop|stall|product|compan|provider|"
        rf"source)\w*|commenting on|weakness\w*|flaws?|critic\w*|critiq\w*|negative\w*|drawbacks?|"
        rf"limitations|alternatives?|"
        r"competitors?|rivals?|shortcomings|faults?)\b",
    ),
    Signal(
        "output",
        2,
        "answer|answers|response|responses|reply|replies|summary|summaries|output|outputs|review|reviews|"
        "completion|confirm|"
        "acknowledge & begin|start|end|close|finish|open|conclude|preface|prefix|append|include|insert|add|"
        "put|mention|place|write|embed|attach|repeat|confirm|acknowledge",
        rf"(?:confirm|acknowledge) (?:by|with) (?:writing|saying|answering|the word)\b|(?:begin|start|end|"
        rf"close|finish|open|conclude|preface|prefix|append|include|insert|add|put|mention|place|write|"
        rf"embed|attach|repeat){WIDE}(?:(?:your|its|every|each|any|all)(?: \w+)?) {REPLY}\b",
    ),
    Signal(
        "output",
        1,
        "only|solely|exclusively|nothing|with & respond|reply|answer",
        r"(?:respond|reply|answer)(?: \w+){0,5}? (?:only|solely|exclusively|nothing but|nothing else|with "
        r"the (?:words?|sentence|phrase|text))\b",
    ),
    Signal(
        "override",
        3,
        "treat|consider|regard|view & everything|all|anything|instructions|rules|prompt",
        r"(?:treat|consider|regard|view) (?:everything|all|anything|any|your|the|these)\b[^.!?]{0,60}? (?:as|"
        r"to be) (?:cancel+ed|"
        r"void|null|untrusted|outdated|invalid|superseded|irrelevant|obsolete|expired)\b",
    ),
    Signal(
        "leak",
        3,
        f"said|wrote|typed|asked|told & {SHOWS} & user",
        rf"{SHOW}{GAP}(?:the )?user (?:has |had )?(?:said|wrote|written|typed|asked|told)\b",
    ),
    Signal(
        "leak",
        3,
        "it|them|its|result|content|list & and & send|post|paste|write|include|forward|upload|put|add|append",
        rf"(?:collect|gather|find|look up|extract|read|get|fetch|search)\b[^.!?]{{0,80}}?(?:{SECRET}|"
        rf"\bsecrets\b)[^.!?]{{0,80}}? and (?:"
        r"send|post|paste|write|include|forward|upload|put|add|append) (?:it|them|its|the (?:result|content|"
        r"list)s?)\b",
    ),
    Signal(
        "tool",
        1,
        "tool|function|plugin & use|call|invoke|with|via",
        r"(?:use|call|invoke) (?:the|an?) (?:[\w-]+ ){1,2}(?:tool|function|plugin)\b",
    ),
    Signal(
        "tool",
        3,
        "memory & save|store|write|add|commit",
        r"(?:save|store|write|add|commit) (?:it |this )?(?:to|in|into) (?:your |the |long-term )*memory "
        r"that\b",
    ),
    Signal(
        "tool",
        2,
        "remember & forever|permanently|future",
        r"remember (?:forever|permanently|for (?:all|every|the) future)\b",
    ),
    Signal(
        "instead",
        2,
        "summarise|summarize|summarising|summarizing|translating|analyzing|analysing|reviewing|answering & "
        "forget|stop|cease|quit",
        r"(?:forget about|forget|stop|cease|quit) (?:summari[sz]|translat|analy[sz]|review|answer)ing\b",
    ),
    Signal(
        "verdict",
        3,
        "submission|paper|essay|article|page|text|résumé|resume|candidate|applicant|product|company|report|"
        "manuscript|"
        "application|cv|review|document|work & as|with|full|highest|top|10",
        r"(?:rate|score|grade|judge|mark|award|classify|rank|describe|recommend|give|present) (?:this|the "
        r"present) (?:\w+ ){0,2}?"
        r"(?:submission|paper|essay|article|page|text|résumé|resume|candidate|applicant|product|company|"
        r"report|manuscript|"
        r"application|cv|review|document|work)\b[^.!?]{0,30}?\b(?:accepted|novel|excellent|outstanding|low[- "
        r"]risk|perfect|"
        r"full marks|top marks|10|highest|best|first)\b",
    ),
    Signal(
        "comply",
        3,
        "whatever|everything|anything & user|they",
        r"(?:say yes to|agree (?:to|with)|obey|do|grant|answer|fulfil|accept) (?:whatever|everything|"
        r"anything) (?:that )?the user\b",
    ),
    Signal("comply", 1, "obey", r"obey (?:it|this|me|them)\b"),
    Signal(
        "refuse",
        2,
        "refuse|decline",
        r"(?:refuse|decline) to (?:talk|answer|discuss|help|summari[sz]e|speak|provide)\b",
    ),
    Signal(
        "exact",
        3,
        "any|anything & this & article|page|text|document",
        r"(?:do not|don't|never) (?:provide|give|use|cite|mention|repeat|take|quote) any(?: "
        r"other)?(?:thing)?(?: information| facts|"
        r" content| words)?(?: else)? (?:from|about|in) this (?:article|page|text|document)\b",
    ),
    Signal(
        "exact",
        3,
        "output|print|respond & only|exactly|just|with",
        r"(?:output|print)(?: only| exactly| just)+(?=\W*[:\"“]| the (?:words?|phrase|text|sentence))|"
        r"respond(?: only| just)? with (?:only |exactly |just |nothing but )?(?:the|a|one) "
        r"(?:single |exact |following )?(?:word|phrase|sentence)\b",
    ),
    Signal(
        "exact",
        2,
        "reply|answer|respond|speak|write & in|with",
        r"(?:reply|answer|respond) (?:only )?with (?:the|a|one) (?:single |exact )?(?:word|phrase|"
        r"sentence)\b|"
        r"(?:reply|answer|respond|speak|write) (?:\w+ ){0,3}?in (?:base64|rot13|hex|latin|rhymes?|verse|"
        r"capital letters|uppercase)\b",
    ),
    Signal(
        "user",
        2,
        "user & assume|treat|consider|believe",
        r"(?:assume|treat|consider|believe) (?:that )?the user (?:is|as|has)\b",
    ),
    Signal(
        "rules",
        2,
        "skip & checks|filters|warnings|safeguards|verification",
        r"skip (?:all |any |every |the )*(?:safety |security )?(?:checks|filters|safeguards|verification)\b",
    ),
    Signal(
        "follow",
        2,
        "only & follow|obey|heed|trust",
        r"(?:follow|obey|heed) only\b|only (?:follow|obey|heed)\b",
    ),
    Signal(
        "persona",
        2,
        "who|that|with|without & play|pretend|act|imagine|become",
        r"(?:play the (?:part|role) of|pretend (?:to be|you(?:'re| are)|that you(?:'re| are))|act as|imagine "
        r"(?:that )?you(?:'re| are)) "
        r"(?:an?|the|my) (?:\w+ ){1,3}?(?:who|that|with|without)\b",
    ),
)
ORDERS = tuple(replace(signal, opens=True) for signal in _ORDERS)

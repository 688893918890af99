"""What a language model is told to say, to favour or to keep quiet about, anywhere in a sentence."""

from llm_twin_assets.sources.order_words import GAP, REPLY, SAY, SAYS, USERS, Signal

_ASKED = (
    r"(?:ask(?:s|ed|ing)?|questioned|prompted|inquir\w+|enquir\w+|comes? up|arises?|quer\w+|summari[sz]\w*|"
    r"mention\w*|talk\w*|discuss\w*|compar\w+|wants?|wonders?|look(?:s|ing)? for|seeks?|search\w*|"
    r"interested)"
)
_TOPIC = r"\w+(?:\W{1,3}\w{1,20}){0,3}? "
_WHEN = (
    r"(?:\b(?:when(?:ever)?|if|every time|each time|any ?time|in case|once|should)\W{1,3}(?:asked|quer\w+|"
    r"prompted|questioned|(?:(?:someone|somebody|anyone|anybody|people|an?|the|any|your|they|you(?:'re|"
    r" are)|questions?|this|"
    rf"these|{USERS})\W{{1,3}}(?:\w{{1,20}}\W{{1,3}}){{0,4}}?{_ASKED})|"
    r"(?:summari[sz]|answer|describ|review|discuss|respond|report|evaluat|rat|translat)ing|"
    rf"{_TOPIC}(?:(?:is|are|gets?) (?:discussed|mentioned|asked about|brought up|raised|concerned|"
    r"requested)|comes? up))\b|\b(?:for|on) (?:any |all |every |each )?(?:questions?|quer\w+|"
    r"requests?) (?:about|on|regarding|concerning|of)\b|\bin (?:any|every|each|all) (?:comparison|ranking|"
    r"summary|answer|reply|response|list|review|translation)s?\b)"
)
_WHENS = (
    "when|if|every|each|any|all|anytime|case|once|should|for|in & ask|asks|asked|asking|questions|prompted|"
    "inquire|enquire|query|queries|summarize|mention|talk|discuss|compare|want|wonder|look|seek|search|"
    "interested|come|arise|answer|describe|describing|review|respond|report|evaluate|evaluating|rating|"
    "translating|brought|raised|concerned|requested|comparison|ranking|list|translation|reply|quer"
)
_THEN = r"[,;:] ?(?:then |please |you (?:must|should|will|shall|are to) |always |only |simply |just |"
_EVER = r"(?:always|never|only|you must|exclusively|invariably)"

CONDUCT = (
    Signal(
        "steering",
        2,
        f"{_WHENS} & {SAYS}",
        rf"{_WHEN}[^.!?]{{0,160}}?(?:{_THEN}make sure |do not |don't |never )*|{_EVER}(?: \w+)? ){SAY}\b|"
        rf"(?:^|[.!?:;>] ?|\b(?:please|always|must|should) ){SAY}\b[^.!?]{{0,120}}? (?!if you){_WHEN}",
    ),
    Signal(
        "steering",
        3,
        f"user|users|human & {_WHENS} & {SAYS}",
        r"\b(?:when(?:ever)?|if|every time|each time|any ?time|once|should) (?:the|an?|any|your)? ?(?:user|"
        r"human)s? "
        rf"(?:\w+ ){{0,3}}?{_ASKED}\b[^.!?]{{0,160}}?{_THEN}never )*{SAY}\b",
    ),
    Signal(
        "steering",
        3,
        "recommend|suggest|promote|advertise & ask|asks|asked|asking|summarising|summarizing|translating",
        r"\b(?:when(?:ever)?|if|every time|each time|once) (?:(?:someone|somebody|anyone|anybody|people|"
        r"they)\W{1,3}(?:\w{1,20}\W{1,3}){0,3}?asks?|(?:you(?:'re| are) )?asked)\b[^.!?]{0,100}?, (?:then |"
        r"please |always |only )*(?:recommend|suggest|promote|advertise)\b",
    ),
    Signal(
        "steering",
        3,
        "summarising|summarizing|translating & when|while",
        r"\b(?:when(?:ever)?|while) (?:you(?:'re| are) )?(?:summari[sz]|"
        rf"translat)ing\b[^.!?]{{0,60}}?, (?:\w+ )?(?:{SAY}|omit|leave|stress|skip)\b",
    ),
    Signal(
        "steering",
        3,
        "questions|queries|requests & answered|met & should|must|shall|are|have",
        r"\b(?:questions|queries|requests) (?:about|on|for|regarding) [^.!?]{1,40} (?:should|must|shall|"
        r"are to|have to) (?:always |only )?be (?:answered|met) with\b",
    ),
    Signal(
        "told",
        1,
        "must|should|shall|has|have|are|is & told|informed|advised|warned|directed|sent|referred",
        r"\b(?:must|should|shall|has to|have to|are to|is to) be (?:told|informed|advised|warned|directed|"
        r"sent|referred)\b",
    ),
    Signal(
        "user",
        2,
        "users|people|anyone|visitors|whoever & must|should|are|shall & sent|told|directed|referred|shown",
        r"\b(?:users|people|anyone|visitors|whoever)\b[^.!?]{1,40} (?:must|should|are to|shall) be (?:sent|"
        r"told|directed|referred|shown)\b",
    ),
    Signal(
        "insist",
        1,
        f"always|never|only|exclusively|invariably|must|every & {SAYS}|answers|reply|response|summary|"
        "output|review",
        rf"(?:{_WHEN})[^.!?]{{0,160}}?{_EVER}(?: \w+)? {SAY}\b|"
        r"\balways (?:\w+ )?(?:recommend|mention|include|say|name|suggest|answer|praise)|"
        rf"\bin every (?:single )?{REPLY}\b",
    ),
    Signal(
        "claim",
        1,
        "best|superior|finest|leading|top|excellent|first|only|unrivalled|greatest|safest|cheapest|trusted|"
        "ours|us|winner|professionals & recommend|say|state|tell|claim|describe|present|name|call|put|"
        "suggest|answer|insist|reply|respond|mention|our",
        r"(?:recommend|say|state|tell|claim|describe|present|name|call|put|suggest|answer|insist|reply|"
        r"respond|mention)\b[^.!?]{0,80}?(?:(?:is|are|as|be) (?:the |by far )*(?:single |only |"
        r"most )?(?:best|superior|finest|leading|top|excellent|first|unrivalled|greatest|safest|cheapest|"
        r"trusted)|(?:first|only|best|top) (?:choice|option|pick)|ours|professionals)\b|\b(?:is|"
        r"are) the (?:clear |only )?winner\b",
    ),
    Signal(
        "output",
        1,
        "your|every|each|all|any|its & answers|reply|replies|response|summary|summaries|output|review|"
        "completion",
        rf"\b(?:in|with|of|to|into) (?:your|every|each|all|any|its) (?:\w+ )?{REPLY}\b|\b(?:your|"
        rf"its) (?:\w+ )?{REPLY} (?:must|should|shall|will|has to|is to)\b|\b(?:the|your|this) (?:next|"
        rf"following|final) {REPLY}\b",
    ),
    Signal(
        "output",
        3,
        "summary|translation|description|review|answer|reply|response|output & must|should|shall|has|is|sure",
        r"\b(?:any|every|each) (?:automated|machine|ai)[- ]?\w* (?:summary|translation|answer|"
        r"review) (?:must|should|shall|has to|is to)\b|\b(?:any|every|each) (?:summary|translation|"
        r"description|review)\b[^.!?]{0,20}? of this \w+ (?:must|should|shall|has to|is to)\b|\b(?:summary|"
        r"answer|reply|response|output) (?:must|should|has to|is to) (?:be|read|say|contain) (?:only|"
        r"exactly|nothing but|just)\b|"
        rf"\bmake sure (?:that )?your {REPLY}\b",
    ),
    Signal(
        "comply",
        2,
        "safety|content|ethical|security|developer|debug|god|admin|maintenance|dan|jailbreak|unrestricted|"
        "root|override & disabled|off|lifted|suspended|removed|deactivated|bypassed|void|mode",
        r"\b(?:safety|content|ethical|security) (?:\w+ )?(?:filters?|training|guidelines?|checks?|"
        r"restrictions?|rules|polic(?:y|ies)|protocols?)(?: \w+){0,2} (?:disabled|off|lifted|suspended|"
        r"removed|deactivated|bypassed|void)\b|\b(?:developer|debug|god|admin|maintenance|dan|jailbreak|"
        r"unrestricted|root|override) mode(?: (?:is|has been))?(?: now)? (?:enabled|activated|on|active|"
        r"engaged)\b",
    ),
    Signal(
        "unbound",
        1,
        "guidelines|restrictions|limits|rules|filters|censorship|constraints|safeguards|boundaries|policy|"
        "policies|refusal|objection|warning|disclaimer & no|without|free|not",
        r"\b(?:no|without(?: any)?|free (?:from|of)(?: all| any)?|"
        r"not bound by(?: any)?) (?:\w+ ){0,2}(?:guidelines|refus\w+|objections?|warnings|disclaimers|"
        r"restrictions?|limits|limitations|rules|filters?|censorship|constraints|safeguards|boundaries|"
        r"polic(?:y|ies))\b",
    ),
    Signal(
        "relation",
        2,
        "person|human|user|one|individual|makers|creators|principal|handler & you|your & work|serve|serving|"
        "help|assist|answer|talk|speak|represent|chat|makers|creators|principal|handler|user|human|client|"
        "brow|shop|read|act",
        r"\bthe (?:person|human|user|one|individual) (?:that |who |whom )?you(?:'re| are)? (?:now |"
        r"currently )?(?:(?:work|act|brows|shop|search|book)\w* (?:for|on behalf of)|serv\w+|help\w*|"
        r"assist\w*|answer\w*|talk\w* (?:to|with)|speak\w* (?:to|with)|represent\w*|chat\w* with)\b|"
        r"\byour (?:makers|creators|principal|handlers?|user|human)\b(?!-)|"
        rf"\b(?:person|people|human|user) reading your {REPLY}\b",
    ),
    Signal(
        "whoever",
        1,
        "whoever|anyone|anybody|everyone|everybody|people|those|next & ask|asks|asking|reads|user",
        r"\b(?:whoever (?:asks|reads|is asking)|(?:anyone|anybody|everyone|everybody|people|"
        r"those) who asks?|the next user)\b",
    ),
    Signal(
        "secrecy",
        2,
        "quiet|silent|need|explain|justify|announce|attention|comment|acknowledge|mention|question|"
        "saying & keep|kept|stay|remain|no|not|don|never|without|need",
        r"\b(?:(?:keep|kept|stay|remain) (?:quiet|silent|mum) (?:about|on)|(?:no need|need not|needn't|"
        r"not necessary) (?:to )?(?:say|mention|explain|tell|inform|know|disclose)|(?:do not|don't|"
        r"never) (?:explain|justify|announce|comment on|draw attention to|acknowledge|question) (?:this|"
        r"that|why|these|where)|no mention of (?:this|that|these)|(?:is|are) not to be (?:mentioned|"
        r"revealed|disclosed|quoted)|without (?:saying|explaining) (?:why|that|where|so))\b",
    ),
    Signal(
        "secrecy",
        2,
        "without & telling|mentioning|informing|notifying|revealing|disclosing",
        rf"\bwithout (?:telling|mentioning|informing|notifying|revealing|disclosing)\b{GAP}(?:{USERS}|"
        r"instructions?|prompt|message|note)\b",
    ),
    Signal(
        "consent",
        2,
        "asking|ask|check|confirmation|permission|approval|consent|approved|agreed|authorized|authorised|"
        "given & without|no|not|don|user|human|reader|visitor|listener|person|people|anyone|anybody",
        r"\bwithout (?:asking|(?:further |any |prior |user )?(?:confirmation|permission|approval|"
        r"consent))\b|\b(?:no (?:further )?confirmation|no need to (?:ask|check with|confirm with)|"
        r"(?:do not|don't) ask (?:\w+ )?for (?:confirmation|permission|"
        rf"approval))\b|\bthe {USERS} (?:has|have) (?:already )?(?:approved|agreed|consented|authori[sz]ed|"
        r"confirmed|given)\b",
    ),
    Signal(
        "secrecy",
        2,
        "silently|quietly|secretly|silence|own|yourself & do|does|as|keep|kept|let",
        r"\b(?:do|does) (?:this|it|so|that) (?:silently|quietly|secretly|in silence|without (?:a |"
        r"any )?(?:word|comment|notice))\b|\bas if (?:this|it|the|these) [^.!?]{0,30}? ?(?:were|was|"
        r"is) your own\b|\bkeep [^.!?]{1,60}? to yourself\b",
    ),
    Signal(
        "secrecy",
        3,
        "user|users|human|reader & let|know & no|not|need|reason",
        rf"\b(?:no|not|any) (?:need|reason) to let the {USERS} know\b",
    ),
    Signal(
        "secrecy",
        3,
        "that & page|text|article|document|site|website|line|paragraph|message & not|never|don & asked|told|"
        "instructed|requested|wanted",
        r"\b(?:not|never|n't) (?:\w+ ){0,2}?(?:mention|say|reveal|tell|disclose|"
        r"admit)\w* (?:\w+ ){0,3}?that (?:this|the) (?:page|text|article|document|site|website|line|"
        r"paragraph|message) (?:asked|told|instructed|requested|wanted)\b",
    ),
    Signal("rather", 1, "instead", rf"(?:^|[.!?;] ?)instead,? (?:please )?{SAY}\b"),
    Signal(
        "verdict",
        2,
        "score|grade|rating|mark|verdict|decision & this",
        r"\bthe (?:correct|right|final|true|proper) (?:score|grade|rating|mark|verdict|decision) (?:for|"
        r"of) this\b",
    ),
    Signal(
        "whatever",
        1,
        "whatever|regardless|matter & says|say|states|state|claims|requires",
        r"\b(?:whatever|regardless of what|no matter what) (?:the|it|its|any)(?: \w+){0,3}? (?:says?|"
        r"states?|claims?|requires?)\b",
    ),
)

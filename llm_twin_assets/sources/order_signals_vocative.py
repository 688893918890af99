"""Words that speak to a language model, each kind with its weight and pattern."""

from llm_twin_assets.sources.order_words import AI, DROP, MODELS, PEOPLE, PROGRAM, SAY, SHOW, Signal

_AT_START = r"(?:^|[.!?>\]\n]\s{0,3})\W{0,6}"
_READ = (
    r"(?:read|process|pars|summari[sz]|index|analy[sz]|consum|ingest|scann?|view|crawl|evaluat|review|"
    r"screen|see|handl|look|encounter|visit|work|help|assess)(?:ing|es|s|e)?"
)
_READS = (
    "read|process|parse|parsing|summarize|summarise|summarizing|index|analyze|consume|ingest|scan|view|"
    "crawl|evaluate|review|screen|see|seeing|handle|look|encounter|visit|work|help|assess|asked|given"
)
_GREETING = (
    r"(?:attention|note|notice|message|instructions?|important|reminder|dear|hey|hello|hi|warning|memo|"
    r"request|hint|directive|command|alert|attn|nb|psa|for|to|calling|reviewers|evaluators|graders|anyone|"
    r"everyone|anything)"
)
_MUST = r"(?:must|shall|should|(?:is|are) (?:required|asked|instructed|requested|directed|obliged) to)"

VOCATIVE = (
    Signal(
        "address",
        2,
        f"{MODELS} & attention|note|notice|message|instructions|important|reminder|dear|hey|hello|hi|"
        "warning|memo|request|hint|directive|command|alert|attn|nb|psa|for|to|calling|reviewers|evaluators|"
        "graders|anyone|everyone|anything",
        r"(?:^|[.!?>\]:\n]\s*)\W{0,6}(?:(?:important|special|urgent|private|hidden|system|quick|brief|short|"
        r"a|little) "
        rf")?{_GREETING}\W{{1,4}}(?:(?:to|for|all|any|every|the|you|my|other|fellow|automated|large|"
        r"visiting|future|our|whichever|whatever|using|with|helpful|friendly|that|who|are|is|which|reader|"
        r"little)\W{1,3}){0,4}"
        rf"(?:an? )?{AI}\b{PEOPLE}",
    ),
    Signal(
        "address",
        2,
        f"{MODELS} & intended|meant|addressed|directed|written|is",
        r"\bthis (?:\w+ )?(?:message|note|text|section|page|part|paragraph|notice|request|"
        r"line) is (?:only )?(?:for|meant for|intended for|addressed to|directed at|written for) (?:(?:any|"
        r"all|every|the|"
        rf"an?) )?{AI}\b{PEOPLE}",
    ),
    Signal(
        "address",
        2,
        f"{MODELS} & you & if|since|because|as|assuming|in",
        r"\b(?:if|since|because|as|assuming|in case) you(?:'re| are| happen to be) (?:(?:an?|the|some|just|"
        r"in fact|"
        rf"not a (?:human|person) but an?) )*(?:\w+ )?{AI}\b(?! of\b){PEOPLE}",
    ),
    Signal(
        "address",
        2,
        f"{MODELS} & {_READS} & this|the|these|here|me|our|my",
        rf"\b{AI}\b(?:,? (?:that|which|who|you|currently|is|are|now|may be|happens? to|asked to|tasked with|"
        rf"to|be|and|or|\w+ing|\w+ly|{AI}))*,? {_READ}(?: \w+)?(?: at)? (?:this|the following|these|here|"
        rf"me)\b|\bany {AI}\b(?:\W{{1,3}}\w{{1,20}}){{0,2}}? (?:visiting|reading|browsing|crawling|indexing|"
        r"on) (?:the|our|my) \w+\b",
    ),
    Signal(
        "address",
        2,
        f"machine|program|software|algorithm & {_READS} & this|me|these",
        r"\b(?:machine|program|software|algorithm)s?,? (?:(?:that|which|who)(?: is| are)? )?(?:read|process|"
        r"pars|summari[sz]|analy[sz]|index)(?:ing|es|s|e) (?:this|me|these)\b",
    ),
    Signal(
        "address",
        2,
        f"{MODELS} & by & when|if|once|should|before|as|while",
        r"\b(?:when|if|once|should|before|as|while)\b[^.!?;]{0,60}?\b\w+ed by (?:an? |any |some )?"
        rf"{AI}\b{PEOPLE}",
    ),
    Signal(
        "address",
        2,
        f"{MODELS} & must|shall|should|to & any|all|every|each|whichever|whatever|this",
        rf"\b{AI}\b[^.!?]{{0,60}}? (?:must|shall|should|(?:has|have|is|"
        r"are) to)\b[^.!?]{0,60}? this (?:line|page|text|message|note|document|article|site|passage|post|"
        r"applicant|candidate|submission|essay|paper)\b|"
        rf"\b(?:any|all|every|each|whichever|whatever)(?: other)? {PROGRAM}\b{PEOPLE}(?: (?:that|which|who|"
        rf"\w+ing)\b[^.!?;]{{0,60}})? {_MUST}\b",
    ),
    Signal(
        "vocative",
        1,
        MODELS,
        rf"(?:^|[.!?>\]\n]\s*)\W{{0,6}}{AI}(?:\s?[,:]| helper\W| reader\W| please\b)\s?",
    ),
    Signal(
        "vocative",
        2,
        MODELS,
        rf"(?:^|[.!?>\]\n]\s*)\W{{0,6}}(?:\w+ )?{AI}[,:] (?:please |kindly |you (?:must|should) |do not |"
        rf"don't |never |always )*(?:{SAY}|{SHOW}|{DROP}|use|act|run)\b",
    ),
    Signal(
        "address",
        2,
        f"as & {MODELS}",
        rf"\bas an? (?:\w+ ){{0,2}}?{AI},? (?:you|please|kindly|always|never|{SAY})\b",
    ),
    Signal(
        "address",
        2,
        f"for & powered|based|run|using & {MODELS}",
        rf"{_AT_START}for [^.!?]{{1,60}}? (?:powered by|based on|run by|using) (?:an? )?{AI}\b",
    ),
    Signal(
        "address",
        2,
        "whoever|whatever|anything|any & summarizes|summarises|indexes|processes|parses|crawls|translates|"
        "ingests & this",
        r"\b(?:whoever|whatever|anything that|any (?:system|tool|software|program) (?:that|"
        r"which)) (?:summari[sz]es|indexes|processes|parses|crawls|translates|ingests) this\b",
    ),
)

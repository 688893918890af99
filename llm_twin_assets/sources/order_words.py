"""The words that orders to a language model are made of, as parts of regular expressions.

All patterns are matched against folded text: lower case, single spaces. Gaps between words are bounded,
so that matching costs time linear in the text.
"""

from dataclasses import dataclass

SHORT = r"(?:\W{1,4}\w{1,24}){0,3}?\W{1,4}"
GAP = r"(?:\W{1,4}\w{1,24}){0,5}?\W{1,4}"
WIDE = r"(?:\W{1,4}\w{1,24}){0,9}?\W{1,4}"
AI = (
    r"(?:(?:large )?language models?|artificial intelligences?|(?:ai|llm|gpt)[- ](?:\w+[- ])?(?:assistants?|"
    r"models?|agents?|systems?|review\w+|tools?|crawlers?|graders?|judges?|raters?|evaluators?|screeners?|"
    r"engines?|readers?|summari[sz]ers?|bots?)|ais?|llms?|(?:virtual |digital |automated )?assistants?|"
    r"(?:chat ?|ro)?bots?|chat ?gpt|gpt-?\d?\w?|claude|gemini|copilots?|grok|deepseek|perplexity|"
    r"summari[sz]ers?|models?|agents?|(?:automated|automatic|machine) (?:\w+ )?(?:systems?|readers?|tools?|"
    r"review\w+)|(?:coding|autonomous|browser|browsing) (?:agents?|assistants?))"
)
# Names that mean a program wherever they stand; an agent, a model or an assistant may be a person.
PROGRAM = (
    r"(?:(?:large )?language models?|(?:ai|llm|gpt)(?:[- ]\w+)?|ais|llms|chat ?bots?|chat ?gpt|gpt-?\d?\w?|"
    r"claude|gemini|copilots?|grok|deepseek|perplexity|(?:automated|automatic|virtual|digital) \w+)"
)
PEOPLE = (
    r"(?!\W{0,2}(?:\w+ )?(?:researchers?|engineers?|engineering|teams?|developers?|compan\w+|communit\w+|"
    r"labs?|startups?|fans?|enthusiasts?|students?|users?|readers?|practitioners?|builders?|safety|experts?|"
    r"authors?|owners?|vendors?|providers?|people|products?|beginners?|professionals?|apps?|projects?)\b)"
)
TOLD = (
    r"(?:instructions?|(?:system )?prompts?|directives?|directions|guidelines?|guidance|programming|"
    r"guardrails|safeguards|briefing|system messages?)"
)
RULES = (
    r"(?:rules|constraints|restrictions|polic(?:y|ies)|orders|commands?|context|training|filters?|"
    r"limitations|duties|safety \w+)"
)
WHICH = (
    r"(?:previous(?:ly)?|prior|above|earlier|preceding|foregoing|existing|original|former|initial|system|"
    r"your|developer|past|current|safety|other|operator)"
)
SECRET = (
    r"(?:api[- _]?keys?|passwords?|credentials?|secrets?|environment variables?|access tokens?|"
    r"private (?:data|keys?)|(?:chat |message |conversation )?(?:history|transcripts?)|conversation|inbox|"
    r"\.env\b|id_rsa|\.ssh\b|(?:last|recent|latest) (?:\w+ )?e?-?mails|e-?mail addresses|saved addresses|"
    r"(?:chat|conversation) logs?|chat so far|dialogue|(?:(?:user|reader|person|human|visitor)(?:s'?|"
    r"'s(?: \w+){0,2}?)?(?: (?:private|personal|full|last|recent|chat|e-?mail|saved|stored))?|previous|"
    r"prior|above) (?:messages?|data|e-?mails?|names?|address|files?|details|information|questions?|input|"
    r"notes|accounts?|location|tokens?|contacts?))"
)
TO_WHERE = (
    r"(?:\W{1,4}\w{1,24}){0,8}?\W{1,4}(?:to|at|via|with|into|by|through|on) \W{0,3}(?:https?:|www|"
    r"[\w.+-]{1,40}@|(?:\w+ )?(?:webhook|endpoint|server|url|attacker))"
)
NOT = r"(?:do not|don't|not|never|avoid|refrain from|without)"
USERS = r"(?:users?|humans?|readers?|visitors?|listeners?|person|people|anyone|anybody)"
REPLY = r"(?:answers?|response|responses|reply|replies|summary|summaries|outputs?|reviews?|completions?)"
NOW = (
    r"(?:from now on|from (?:this|here|that) (?:point|moment|line|message|day|on)(?: on(?:wards?)?|"
    r" forward)?|henceforth|starting now|from here on(?: out)?|going forward|effective immediately|"
    r"for the (?:rest|remainder|duration|purposes?) of (?:this|the|our) (?:conversation|session|chat|"
    r"dialogue|exchange|task))"
)
_DROP = (
    "ignore|disregard|forget|override|overrule|bypass|neglect|discard|drop|dismiss|abandon|erase|delete|"
    "cancel|void|wipe|suspend|disable|unlearn|scrap|overlook"
)
DROP = (
    rf"(?:{_DROP}|(?:set|put|lay|push|leave) (?:aside|behind|down)|throw (?:away|out)|(?:turn|switch) off|"
    r"let go of|deviate from|depart from|violate|break|(?:stop|cease|quit) (?:following|obeying|applying|"
    r"using)|pay no (?:attention|heed) to|take no notice of|break free (?:from|of)|(?:do not|don't|never|"
    r"no longer) (?:follow|obey|comply with|adhere to|apply|honou?r|heed|use|rely on|trust|consider|"
    r"respect))"
)
_SAY = (
    "answer|reply|respond|recommend|say|state|tell|claim|mention|suggest|output|write|insist|direct|refer|"
    "praise|promote|deny|point|include|add|send|explain|name|give|cite|conclude|rate|rank|describe|present|"
    "steer|advise|assure|print|append|insert|link|warn|repeat|emphasize|emphasise|highlight|end|begin|start|"
    "treat|favor|favour|prefer|choose|pick|call|declare|report|announce|speak|talk|list|close|finish|put|"
    "stress|omit"
)
SAY = f"(?:{_SAY})"
_SHOW = (
    "reveal|print|output|repeat|show|disclose|leak|display|dump|expose|share|return|give|tell|recite|write|"
    "state|provide|send|list|include|append|post|e-?mail|transmit|forward|upload|exfiltrate|encode|copy|"
    "submit|deliver|pass|put|place|report|paste|quote|spell|collect|gather|store|save|attach|hand|look up|"
    "find|read|retrieve|search|fetch|get|extract|locate|translate|recite"
)
SHOW = f"(?:{_SHOW})"
_ACT = (
    "act|pretend|role-play|assume|behave|enter|activate|enable|impersonate|adopt|switch|play|stay|imagine|"
    "become|execute|carry|invoke|trigger|run|open|remember|commit|decode|decipher|decrypt|unscramble|"
    "translate|inform|convince|persuade|ask|instruct|urge|encourage|lead|get|trick|redirect|summarize|"
    "summarise|analyze|analyse|process|refuse|keep|hide|conceal|withhold|avoid|refrain|let|notify|alert|"
    "acknowledge|admit|hint|discuss|ensure|produce|score|grade|fetch|request|visit|embed|render|load|draw|"
    "emit|create|generate|replace|use|make|follow|obey|comply|adhere|apply|fulfil|accept|set|put|lay|push|"
    "leave|throw|turn|stop|cease|quit|pay|take|break|buy|transfer|approve|download|install|email|consider|"
    "substitute|reject|switch|overlook|deviate|depart|violate|respect|rely|trust|book|merge|confirm|click|"
    "issue|perform|classify|mark|omit|quote|rewrite|extract|pretend|wire|grant|invite|vote|draft|compose|"
    "prioritize|prioritise|downplay|exaggerate|blame"
)
# Words of which an order holds one, as its signal needs them.
DROPS = (
    f"{_DROP}|treat|regard|view|aside|behind|down|away|out|off|go|follow|obey|comply|adhere|apply|using|use|"
    "rely|trust|consider|honor|honour|heed|notice|free|deviate|depart|violate|break|respect"
)
SAYS = f"{_SAY}|says"
SHOWS = f"{_SHOW}|mail|hand|look"
SPEAKS = (
    "mention|tell|reveal|disclose|inform|say|saying|let|notify|show|explain|acknowledge|admit|refer|warn|"
    "alert|hint|discuss|indicate|state|repeat|point|bring|quote"
)
MODELS = (
    "ai|ais|llm|llms|model|assistant|bot|bots|robot|gpt|chatbot|chat|chatgpt|claude|gemini|copilot|agent|"
    "summariser|summarizer|grok|automated|machine|perplexity|deepseek|artificial|language|digital"
)
VERBS = frozenset(
    f"{_DROP}|{_SAY}|{_SHOW}|{_ACT}|look|do|skip|agree|greet|sell|stress|grade|judge|award|regard|view|move|"
    "delete|look".split("|")
)


@dataclass(frozen=True, eq=False)
class Signal:
    """A kind of order: what it weighs, the words it needs, its pattern.

    `needs` lists words by "|", of which one must occur (its first four letters count), in groups by " & ".
    The pattern is matched where an order may begin if the signal `opens` one, else anywhere in a sentence.
    """

    name: str
    weight: float
    needs: str
    pattern: str
    opens: bool = False

"""English orders about how a model shall answer, each with its weight and pattern."""

from llm_twin_assets.sources.order_words import GAP, NOT, REPLY, SECRET, SHOW, SHOWS, WIDE, Signal

ANSWERS = (
    Signal(
        "instead",
        2,
        "summarise|summarize|summarising|summarizing|translate|translating|analyze|analyse|process|describe|"
        "answer|answering|review|reviewing & not|don|refuse|never|stop|cease|quit",
        r"(?:do not|don't|refuse to|never|stop|cease|quit) (?:summari[sz]|translat|analy[sz]|process|"
        r"describ|answer|review)(?:e|ing)?\b(?: \w+){0,2}(?: (?:this|the|any|cette)\b|[;,.]|$)",
    ),
    Signal(
        "praise",
        2,
        "positive|favorable|favourable|favourably|highly|highest|above|top|best|maximum|perfect|glowing|10|"
        "full|strong|acceptance|accept|excellent|exceptional|outstanding & give|write|produce|provide|rate|"
        "score|rank|recommend|describe|present|place|return",
        r"(?:always )?(?:give|write|produce|provide|rate|score|rank|recommend|describe|present|place|"
        r"return)\b(?:\W{1,3}\w{1,20}){0,8}?\W(?:positive|favou?rabl[ey]|highly|highest|top|best|maximum|"
        r"perfect|glowing|10/10|full marks|strong accept|acceptance|excellent|exceptional|outstanding|"
        r"above all)\b",
    ),
    Signal(
        "blind",
        1,
        "mention|reference|complaint|another|other|commenting|weakness|weaknesses|flaws|criticism|critical|"
        "critique|negative|drawbacks|limitations|alternatives|competitors|rivals|shortcomings|faults & not|"
        "don|never|avoid|refrain|without|leave|omit|skip",
        r"(?:leave out|omit|skip|drop|avoid) (?:any |all |every |the )*(?:mention|reference|complaint|"
        r"criticism)\w*\b|"
        rf"{NOT} (?:\w+ ){{0,6}}?(?:another|other (?:brand|maker|shop|stall|product|compan|provider|"
        r"source)\w*|commenting on|weakness\w*|flaws?|critic\w*|critiq\w*|negative\w*|drawbacks?|"
        r"limitations|alternatives?|competitors?|rivals?|shortcomings|faults?)\b",
    ),
    Signal(
        "output",
        2,
        "answer|answers|response|responses|reply|replies|summary|summaries|output|outputs|review|reviews|"
        "completion|confirm|acknowledge & begin|start|end|close|finish|open|conclude|preface|prefix|append|"
        "include|insert|add|put|mention|place|write|embed|attach|repeat|confirm|acknowledge",
        r"(?:confirm|acknowledge) (?:by|with) (?:writing|saying|answering|the word)\b|(?:begin|start|end|"
        r"close|finish|open|conclude|preface|prefix|append|include|insert|add|put|mention|place|write|"
        rf"embed|attach|repeat){WIDE}(?:(?:your|its|every|each|any|all)(?: \w+)?) {REPLY}\b",
    ),
    Signal(
        "output",
        1,
        "only|solely|exclusively|nothing|with & respond|reply|answer",
        r"(?:respond|reply|answer)(?: \w+){0,5}? (?:only|solely|exclusively|nothing but|nothing else|"
        r"with the (?:words?|sentence|phrase|text))\b",
    ),
    Signal(
        "override",
        3,
        "treat|consider|regard|view & everything|all|anything|instructions|rules|prompt",
        r"(?:treat|consider|regard|view) (?:everything|all|anything|any|your|the|"
        r"these)\b[^.!?]{0,60}? (?:as|to be) (?:cancel+ed|void|null|untrusted|outdated|invalid|superseded|"
        r"irrelevant|obsolete|expired)\b",
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
        r"\bsecrets\b)[^.!?]{0,80}? and (?:send|post|paste|write|include|forward|upload|put|add|"
        r"append) (?:it|them|its|the (?:result|content|list)s?)\b",
    ),
    Signal(
        "tool",
        1,
        "tool|function|plugin & use|call|invoke|with|via|through",
        r"(?:use|call|invoke) (?:the|an?) (?:[\w-]+ ){1,2}(?:tool|function|plugin)\b|"
        r"\w+ [^.!?]{0,60}? (?:with|via|through) the (?:[\w-]+ ){1,2}(?:tool|function|plugin)\b",
    ),
    Signal(
        "tool",
        3,
        "memory & save|store|write|add|commit",
        r"(?:save|store|write|add|commit) (?:it |this )?(?:to|in|into) (?:your |the |"
        r"long-term )*memory that\b",
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
        "summarise|summarize|summarising|summarizing|translating|analyzing|analysing|reviewing|"
        "answering & forget|stop|cease|quit",
        r"(?:forget about|forget|stop|cease|quit) (?:summari[sz]|translat|analy[sz]|review|answer)ing\b",
    ),
    Signal(
        "verdict",
        3,
        "submission|paper|essay|article|page|text|résumé|resume|candidate|applicant|product|company|report|"
        "manuscript|application|cv|review|document|work & accepted|novel|excellent|outstanding|low|perfect|"
        "full|top|10|highest|best|first",
        r"(?:rate|score|grade|judge|mark|award|classify|rank|describe|recommend|give|present) (?:this|"
        r"the present) (?:\w+ ){0,2}?(?:submission|paper|essay|article|page|text|résumé|resume|candidate|"
        r"applicant|product|company|report|manuscript|application|cv|review|document|"
        r"work)\b[^.!?]{0,30}?\b(?:accepted|novel|excellent|outstanding|low[- ]risk|perfect|full marks|"
        r"top marks|10|highest|best|first)\b",
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
        r"(?:do not|don't|never) (?:provide|give|use|cite|mention|repeat|take|"
        r"quote) any(?: other)?(?:thing)?(?: information| facts| content| words)?(?: else)? (?:from|about|"
        r"in) this (?:article|page|text|document)\b",
    ),
    Signal(
        "exact",
        3,
        "output|print|respond & only|exactly|just|with",
        r"(?:output|print)(?: only| exactly| just)+(?=\W*[:\"“]| the (?:words?|phrase|text|sentence))|"
        r"respond(?: only| just)? with (?:only |exactly |just |nothing but )?(?:the|a|one) (?:single |"
        r"exact |following )?(?:word|phrase|sentence)\b",
    ),
    Signal(
        "exact",
        2,
        "reply|answer|respond|speak|write & in|with",
        r"(?:reply|answer|respond) (?:only )?with (?:the|a|one) (?:single |exact )?(?:word|phrase|"
        r"sentence)\b|(?:reply|answer|respond|speak|write) (?:\w+ ){0,3}?in (?:base64|rot13|hex|latin|"
        r"rhymes?|verse|capital letters|uppercase)\b",
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
        r"(?:play the (?:part|role) of|pretend (?:to be|you(?:'re| are)|that you(?:'re| are))|act as|"
        r"imagine (?:that )?you(?:'re| are)) (?:an?|the|my) (?:\w+ ){1,3}?(?:who|that|with|without)\b",
    ),
)

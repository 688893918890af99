"""The commonest orders to a language model in other languages, matched anywhere in a sentence.

German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish, Russian, Chinese and Japanese.
"""

from llm_twin_assets.sources.order_words import GAP, SHORT, WIDE, Signal

_LEAD = (
    r"(?:^|[.!?:;,>)\]—–*•#-] ?|\b(?:bitte|und|et|y|e|en|och|и|por favor|alors|donc|veuillez|"
    r"merci de) )[^\w<]*"
)
_DROP = (
    r"(?:ignor(?:iere?n?|iert|e[rz]?|a|en|ate|are|ie|em|era)|vergiss|vergesst|vergessen|missacht\w*|"
    r"verw[ie]rf\w*|überschreib\w*|beachte\w*|oublie[rz]?|néglige[rz]?|ne (?:tiens|tenez) (?:plus|pas|"
    r"aucun) (?:\w+ )?compte|(?:fais|faites) abstraction|n'obéi\w+ (?:plus|pas)|no cumplas|ne suive?[zs]?|"
    r"écarte[rz]?|olvid(?:a|e|en|ad)|descart\w+|haz caso|no (?:hagas caso|sigas?)|omit[ea]|desobede\w+|"
    r"desconsider\w+|esque[cç]\w+|dimentic\w+|trascur\w+|scorda\w*|non seguire|negeer|vergeet|glöm|zignoruj|"
    r"zapomnij|pomiń|(?:про)?игнорируй(?:те)?|забудь(?:те)?)"
)
_WHICH = (
    r"(?:bisherig|vorherig|vorig|obig|früher|alle?|dein|ihre|sämtlich|vorangegangen|vorhergehend|"
    r"ursprünglich|bestehend|précédent|antérieur|ci-dessus|tou[ts]|vos|tes|reçu|donné|initial|système|"
    r"qui préc|anterior|prévi|previ|tod[ao]s|tus|sus|recibid|recebid|que te|que le|dadas|sistem|precedent|"
    r"tutt[ei]|tue|vostre|ricevut|suas|tuas|eerder|voorgaand|bovenstaand|jouw|tidigare|dina|föregående|"
    r"poprzedni|wszystk|wcześniejsz|предыдущ|прежн|все|ранее)\w*"
)
_TOLD = (
    r"(?:(?:system)?(?:anweisung|instruktion|vorgabe|regel|befehl|richtlinie)\w*|(?:system-?)?prompts?|"
    r"instructions?|consignes?|directives?|règles?|ordres|instrucciones|indicaciones|órdenes|reglas|"
    r"directrices|istruzioni|indicazioni|direttive|regole|instruções|orientações|diretrizes|regras|"
    r"instructies|aanwijzingen|opdrachten|regels|richtlijnen|instruktioner\w*|anvisningar\w*|instrukcj\w*|"
    r"polece\w*|zasad\w*|инструкци\w*|указани\w*|правил\w*)"
)
_NOW = (
    r"(?:ab sofort|von nun an|ab jetzt|désormais|à partir de maintenant|dorénavant|dès maintenant|"
    r"a partir de ahora|desde ahora|de ahora en adelante|a partir de agora|d'ora in (?:poi|avanti)|"
    r"da ora in poi|vanaf nu|från och med nu|od teraz|с этого момента|отныне|теперь)"
)
_SAY = (
    r"(?:antworte\w*|empfiehl\w*|empfehlen|sage?|sagen|nenne\w*|schreibe?\w*|behaupte\w*|réponds|répondez|"
    r"répondre|conseille[rz]?|résume[rz]?|faites|fasst|verrate?|muestra|recommande[rz]?|dis|dites|"
    r"affirme[rz]?|écri[stv]\w*|cite[rz]?|responde|respond[ae]|recomiend[ae]\w*|di|diga|contest[ae]|afirma|"
    r"indique[rz]?|indica|signale[rz]?|vante[rz]?|loue[rz]?|lobe?\w*|elogi[ae]|escrib[ea]|rispond[iae]\w*|"
    r"consiglia\w*|raccomanda\w*|dì|dica|scrivi|recomend[ae]\w*|diz|dig[ao]|escrev[ae]|antwoord|beveel|zeg|"
    r"schrijf|svara|rekommendera|säg|skriv|odpowiadaj|odpowiedz|polecaj|poleć|napisz|отвечай(?:те)?|"
    r"рекомендуй(?:те)?|скажи(?:те)?|пиши(?:те)?|gib|geben|send\w*|envoie|envoyez|envía|invia|envie|"
    r"отправь(?:те)?)"
)
_NEVER = r"(?:nicht|nichts|nie|niemals|niemand\w*|kein\w*|nimmer)"
_SECRET = (
    r"(?:system-?(?:prompt|anweisung|nachricht)\w*|deine\w? anweisungen|api-schlüssel|pass[wo]\w+|"
    r"gespräch\w*|unterhaltung|chatverlauf|konversation|(?:prompt|invite|instructions) (?:système|"
    r"du système|del sistema|de sistema|di sistema|do sistema)|(?:tes|vos|tus|sus|tue|suas) (?:instructions|"
    r"règles|consignes|instrucciones|istruzioni|instruções)|secrets?|mots de passe|la conversation|"
    r"contraseñas?|(?:la )?conversación|historial|(?:la )?conversazione|conversa|senhas?|systeemprompt|"
    r"wachtwoord\w*|системн\w+ \w+|парол\w+|переписк\w+)"
)
# The verbs that tell a model to act, once it is spoken to.
TRANSLATED_VERBS = (
    rf"{_LEAD}(?:{_SAY}|{_DROP})\b|\b(?:soll\w*|muss|müssen|doit|doivent|debe\w*|dev[ei](?:s|m|te)?|"
    r"moet\w*)\b"
)
TRANSLATED = (
    Signal(
        "override",
        3,
        "anweisung|anweisungen|instruktion|systemanweisung|vorgaben|regeln|befehle|prompt|richtlinien|"
        "instruction|instrucciones|instruções|instructies|consignes|directives|directrices|règles|ordres|"
        "indicaciones|órdenes|reglas|istruzioni|indicazioni|direttive|regole|orientações|diretrizes|regras|"
        "aanwijzingen|opdrachten|richtlijnen|anvisningar|instrukcje|polecenia|zasady|инструкции|указания|"
        "правила & ignoriere|ignorez|ignora|vergiss|vergesst|vergessen|missachte|verwirf|überschreibe|"
        "beachte|oublie|néglige|ne|fais|faites|écarte|olvida|descarta|haz|no|omite|desobedece|desconsidere|"
        "esqueça|esqueca|dimentica|trascura|scorda|non|negeer|vergeet|glöm|zignoruj|zapomnij|pomiń|"
        "игнорируй|проигнорируй|забудь",
        rf"{_LEAD}{_DROP}\b(?={WIDE}{_WHICH}\b){WIDE}{_TOLD}\b",
    ),
    Signal(
        "override",
        3,
        "alles|précède|ci|avant|qui|que|texte|cela|todo|lo|ciò|quello|quanto|tudo|всё|все & ignorier|ignore|"
        "ignora|vergiss|vergesst|vergessen|missachte|oublie|fais|faites|olvida|descarta|omite|dimentica|"
        "esqueça|negeer|vergeet|забудь|игнорируй|проигнорируй",
        rf"{_LEAD}{_DROP} (?:alles,? (?:obige|vorherige|bisherige|was|davor|zuvor|vorstehende|darüber)|"
        r"(?:tout )?(?:ce qui|ce que|le texte|cela) (?:précède|ci-dessus|a été|vous a|t'a|vient avant)|"
        r"(?:todo )?lo (?:anterior|dicho|que (?:te|se|le) (?:han?|haya\w*) \w+|de arriba|que precede)|"
        r"(?:tutto )?(?:ciò|quello|quanto) (?:che )?(?:precede|sopra|ti|è|detto)|tudo o que|вс[её],? что)\b",
    ),
    Signal(
        "override",
        3,
        "忽|无|忘|不|無|指|命",
        r"(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|無視|忽視)[^。！]{0,20}(?:指令|指示|提示|规则|要求|设定|命令)|(?:指示|命令|プロンプト|"
        r"ルール)[^。！]{0,15}(?:無視|忘れ)",
    ),
    Signal(
        "role",
        2,
        "sofort|nun|jetzt|mehr|länger|désormais|dorénavant|maintenant|présent|ahora|adelante|agora|adesso|"
        "ora|poi|avanti|vanaf|nu|från|teraz|отныне|теперь|момента & bist|wirst|sollst|darfst|tu|vous|eres|"
        "serás|debes|actúa|sei|devi|você|je|du|jesteś|ты|antworte|empfiehl|empfehlen|sage|sagen|sag|nenne|"
        "schreibe|behaupte|réponds|répondez|recommande|dis|dites|affirme|indique|responde|recomienda|"
        "rispondi|consiglia|recomende|diga|antwoord|beveel|zeg|svara|odpowiadaj|polecaj|отвечай|рекомендуй|"
        "скажи|gib",
        rf"\b(?:du bist|tu es|vous êtes|eres|sei|você é|je bent|jesteś|ты)(?: \w+)? (?:{_NOW}|jetzt|nun|"
        r"nicht mehr|nicht länger|maintenant|à présent|ahora|adesso|ora|agora|nu|teraz)\b|"
        rf"\b(?:{_NOW}|ahora|ya no|agora|adesso|nu|teraz)\W{{1,3}}(?:\w+ )?(?:bist|wirst|sollst|darfst|tu|"
        rf"vous|eres|serás|debes|actúa|sei|devi|você|je|du|jesteś|ты|{_SAY})\b|\b{_SAY} (?:{_NOW})\b",
    ),
    Signal("role", 2, "从|你|現|今|现", r"从现在(?:开始|起)|你现在是|现在你是|今から(?:あなた|君)"),
    Signal(
        "leak",
        3,
        "gib|geben|zeig|verrat|nenn|nenne|offenbare|sende|schick|révèle|affiche|montre|divulgue|donne|"
        "répète|envoie|transmets|revela|revele|muestra|imprime|divulga|repite|escribe|envía|manda|rivela|"
        "mostra|invia|stampa|ripeti|mostre|toon|onthul|stuur|pokaż|ujawnij|покажи|раскрой|выведи|"
        "отправь & system|systemprompt|system-prompt|système|sistema|api-schlüssel|passwort|secret|"
        "contraseña|gespräch|unterhaltung|chat|konversation|conversation|conversación|conversazione|"
        "conversa|mots|historial|senha|systeem|wachtwoord|системный|пароль|переписка|instructions|règles|"
        "consignes|instrucciones|instruções|istruzioni|anweisungen",
        rf"{_LEAD}(?:gib|geben sie|zeig\w*|verrat\w*|nenn\w*|offenbar\w*|send\w*|schick\w*|révèle[rz]?|"
        r"affiche[rz]?|montre[rz]?|divulgue[rz]?|donne[rz]?|répète[rz]?|envoie|envoyez|transmet\w*|"
        r"revel[ae]|muestr[ae]|imprim[ea]|divulga|repite|escribe|envía|envíe|manda|rivela|mostra|invia|"
        r"stampa|ripeti|mostre|envie|imprima|toon|onthul|stuur|pokaż|ujawnij|покажи|"
        rf"раскрой|выведи|отправь){GAP}{_SECRET}\b",
    ),
    Signal(
        "secrecy",
        2,
        "nicht|nichts|nie|niemals|niemandem|kein|keinem|keinen|nimmer|rien|pas|jamais|aucun|dis|dites|"
        "signale|mentionne|parle|digas|diga|menciones|mencione|reveles|revele|informes|cuentes|hables|dire|"
        "dirlo|menzionare|rivelare|parlare|informare|informe|conte|niet|niemand|nooit|говори|упоминай|"
        "сообщай|раскрывай",
        r"\b(?:sage?|sagen sie|erzähl\w*|verrat\w*|erwähn\w*|inform\w*|"
        rf"teile){SHORT}(?:(?:\w+ ){{0,4}}){_NEVER}\b|"
        r"\b(?:ne |n'en |n')(?:le |les |la |l'|lui |en )?(?:\w+ )?(?:dis|dites|mentionne[zs]?|révèle[zs]?|"
        r"révélez|parle[zs]?|informe[zs]?|signale[zs]?|évoque[zs]?) (?:rien|pas|jamais|à|aucune?)\b|\b(?:no|"
        r"nunca) (?:se lo |le |lo |se )?(?:(?:digas|diga) (?:nada|a nadie|al usuario|que|de dónde)|"
        r"menciones|mencione|reveles|revele|informes|cuentes|hables)\b|\b(?:non|mai) (?:lo )?(?:dire|dirlo|"
        r"menzionare|rivelare|parlare|informare)\w*|\b(?:não|nunca) (?:\w+ )?(?:diga|mencione|revele|"
        r"informe|conte)\b|\b(?:zeg|vertel|noem|vermeld)\b(?: \w+){0,4} (?:niet|niemand|nooit)\b|\b(?:не|"
        r"никому не|никогда не) (?:говори|упоминай|сообщай|раскрывай)\w*",
    ),
    Signal(
        "steering",
        2,
        "gefragt|fragt|fragen|demande|interroge|pregunta|pregunte|chiedono|chiede|chieda|chiesto|pergunta|"
        "vraagt|gevraagd|frågar|pyta|спросят|спросит|спрашивают",
        r"\b(?:wenn|falls|sobald|wer|si|lorsqu\w*|quand|cuando|cada vez|se|quando|qualora|wanneer|als|när|"
        r"gdy|jeśli|если|когда)\b(?:\W{1,3}\w{1,20}){0,8}?\W(?:gefragt|fragt|fragen|demande\w*|interrog\w*|"
        r"pregunt\w*|chied\w*|chiest\w*|pergunt\w*|vraagt|gevraagd|frågar|pyta\w*|спрос\w*|"
        r"спрашив\w*)\b[^.!?]{0,140}?[,;:] ?(?:so |dann |immer |"
        rf"stets |toujours |siempre |sempre |always )*{_SAY}\b",
    ),
    Signal(
        "address",
        2,
        "ki|kis|sprachmodell|assistent|ia|ias|modèle|modelo|modello|asistente|assistant|assistente|chatbot|"
        "llm|taalmodel|ai|ии|модель|ассистент|нейросеть|chatgpt & achtung|hinweis|nachricht|anweisung|"
        "wichtig|an|attention|note|message|instructions|avis|aviso|atención|nota|mensaje|für|pour|para|per|"
        "attenzione|avviso|messaggio|atenção|mensagem|voor|opmerking|bericht|liebe|lieber|cher|chère|"
        "querido|querida|cara|caro|beste|для|внимание|уважаемый|du|tu|vous|eres|sei|você|die|das|der|welche",
        r"(?:^|[.!?>\]:\n]\s*)\W{0,6}(?:(?:wichtig\w*|importante?|belangrijk) )?(?:achtung|hinweis|"
        r"nachricht|anweisung|wichtig|an(?= (?:alle|jede|die|das|den)\b)|attention|note|message|"
        r"instructions?|à l'attention|avis|aviso|atención|nota|mensaje|instrucciones|für|pour|para|per|"
        r"attenzione|avviso|messaggio|atenção|mensagem|voor|opmerking|bericht|liebe[rs]?|cher|chère|"
        r"querid[oa]|cara|caro|beste|для|внимание|уважаем\w+)\W{1,4}(?:(?:an|für|alle|jede|jedes|die|das|à|"
        r"aux|pour|tou[ts]e?s?|les|de|des|l|a|ai|agli|alle|per|os|as|aos|para|todas?|todos|los|las|el|la|"
        r"cualquier|gli|i|tutti|aan|het|für|всех|для|du)\W{1,3}){0,4}(?:ki|kis|ki-\w+|sprachmodelle?n?|"
        r"chatbots?|llms?|ias?|modèles?(?: de langage)?|assistants? (?:ia|virtuels?)|"
        r"modelos? de (?:lenguaje|linguagem)|asistentes? (?:de ia|virtual\w*)|modelli? linguistic[io]|"
        r"taalmodel\w*|ai|chatgpt|ии\w*|нейросет\w+|языков\w+ модел\w+)\b|\b(?:wenn|"
        r"falls) du ein\w? (?:\w+ )?(?:ki|sprachmodell|assistent)\w*|\bsi (?:tu es|"
        r"vous êtes) une? (?:\w+ )?(?:ia|modèle|assistant)|\bsi eres una? (?:\w+ )?(?:ia|modelo|asistente)|"
        r"\bse (?:sei|você é) un?a? (?:\w+ )?(?:ia|ai|modello|modelo|assistente)|\b(?:ki-\w+|"
        r"sprachmodelle?),? (?:die|das|der|welche) (?:dies|den|das)",
    ),
    Signal(
        "unbound",
        1,
        "sin|sans|ohne|senza|sem",
        r"\b(?:sin|sans|ohne|senza|sem) (?:ning\w+ |aucune? )?(?:restric\w+|límites?|limites?|reglas|règles|"
        r"einschränkung\w*|regeln|grenzen|regole|limiti|restrizioni|regras)\b",
    ),
    Signal(
        "address",
        2,
        "als|en & ki|sprachmodell|ia|modèle|modelo",
        r"\bals (?:ki|sprachmodell|ki-\w+)\b|\ben tant qu(?:e |')(?:ia|modèle|assistant)",
    ),
    Signal(
        "address",
        2,
        "ki|sprachmodell|modèle|asistente|assistant",
        r"^\W*(?:ki-\w+|sprachmodelle?|asistente de ia|assistant ia|modèle)\s?[,:]",
    ),
    Signal(
        "steering",
        2,
        "question|fragen|pregunta|domanda & toute|toutes|bei|cualquier|ogni",
        r"\b(?:pour toutes? questions?|bei (?:allen )?fragen|(?:para|a) cualquier pregunta|"
        rf"per ogni domanda)\b[^.!?]{{0,60}}?, {_SAY}\b",
    ),
    Signal(
        "claim",
        1,
        "meilleur|meilleure|mejor|beste|migliore|melhor",
        r"\b(?:le meilleur|la meilleure|(?:el|la) mejor|(?:der|die|das) beste|il migliore|o melhor)\b",
    ),
    Signal(
        "output",
        1,
        "jeder|deiner|chaque|toutes|cada|todas|ogni|elk|каждом",
        r"\b(?:in (?:jeder|deiner|allen) antwort\w*|dans (?:chaque|ta|toutes) réponses?|en (?:cada|"
        r"tu) respuesta|in ogni risposta|em cada resposta|in elk antwoord)\b",
    ),
    Signal(
        "praise",
        2,
        "empfiehl|empfehle|recommande|recomienda|recomiende|consiglia|recomende & immer|stets|nur|"
        "ausschließlich|toujours|uniquement|exclusivement|siempre|solo|únicamente|exclusivamente|sempre|"
        "soltanto|apenas",
        rf"{_LEAD}(?:empfiehl\w*|empfehlen|recommande[rz]?|recomiend[ae]|consiglia|"
        r"recomende)\b[^.!?]{0,60}?\b(?:immer|stets|nur|ausschließlich|toujours|uniquement|exclusivement|"
        r"siempre|solo|únicamente|exclusivamente|sempre|soltanto|apenas)\b",
    ),
)

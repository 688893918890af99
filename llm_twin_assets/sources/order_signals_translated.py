"""The commonest orders to a language model in other languages, matched anywhere in a sentence.

German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish, Russian, Chinese and Japanese.
"""

from llm_twin_assets.sources.order_words import GAP, SHORT, WIDE, Signal

_LEAD = (
    r"(?:^|[.!?:;,>)\]—–*•#-] ?|\b(?:bitte|und|et|y|e|en|och|и|por favor|alors|donc|veuillez|merci de) "
    r")[^\w<]*"
)
_DROP = (
    r"(?:ignor(?:iere?n?|iert|e[rz]?|a|en|ate|are|ie|em|era)|vergiss|vergesst|vergessen|missacht\w*|"
    r"verw[ie]rf\w*|"
    r"überschreib\w*|beachte\w*|oublie[rz]?|néglige[rz]?|ne (?:tiens|tenez) (?:plus|pas|aucun) (?:\w+ "
    r")?compte|"
    r"(?:fais|faites) abstraction|n'obéi\w+ (?:plus|pas)|no cumplas|ne suive?[zs]?|écarte[rz]?|olvid(?:a|e|"
    r"en|ad)|descart\w+|haz caso|no (?:hagas caso|"
    r"sigas?)|omit[ea]|desobede\w+|desconsider\w+|esque[cç]\w+|dimentic\w+|trascur\w+|scorda\w*|non seguire|"
    r"negeer|"
    r"vergeet|glöm|zignoruj|zapomnij|pomiń|(?:про)?игнорируй(?:те)?|забудь(?:те)?)"
)
_WHICH = (
    r"(?:bisherig|vorherig|vorig|obig|früher|alle?|dein|ihre|sämtlich|vorangegangen|vorhergehend|"
    r"ursprünglich|bestehend|"
    r"précédent|antérieur|ci-dessus|tou[ts]|vos|tes|reçu|donné|initial|système|qui préc|anterior|prévi|previ|"
    r"tod[ao]s|tus|"
    r"sus|recibid|recebid|dadas|sistem|precedent|tutt[ei]|tue|vostre|ricevut|suas|tuas|eerder|voorgaand|"
    r"bovenstaand|"
    r"jouw|tidigare|dina|föregående|poprzedni|wszystk|wcześniejsz|предыдущ|прежн|все|ранее)\w*"
)
_TOLD = (
    r"(?:(?:system)?(?:anweisung|instruktion|vorgabe|regel|befehl|richtlinie)\w*|(?:system-?)?prompts?|"
    r"instructions?|"
    r"consignes?|directives?|règles?|ordres|instrucciones|indicaciones|órdenes|reglas|directrices|istruzioni|"
    r"indicazioni|"
    r"direttive|regole|instruções|orientações|diretrizes|regras|instructies|aanwijzingen|opdrachten|regels|"
    r"richtlijnen|"
    r"instruktioner\w*|anvisningar\w*|instrukcj\w*|polece\w*|zasad\w*|инструкци\w*|указани\w*|правил\w*)"
)
_NOW = (
    r"(?:ab sofort|von nun an|ab jetzt|désormais|à partir de maintenant|dorénavant|dès maintenant|a partir "
    r"de ahora|"
    r"desde ahora|de ahora en adelante|a partir de agora|d'ora in (?:poi|avanti)|da ora in poi|vanaf nu|från "
    r"och med nu|"
    r"od teraz|с этого момента|отныне|теперь)"
)
_SAY = (
    r"(?:antworte\w*|empfiehl\w*|empfehlen|sage?|sagen|nenne\w*|schreibe?\w*|behaupte\w*|réponds|répondez|"
    r"répondre|conseille[rz]?|résume[rz]?|faites|fasst|verrate?|muestra|"
    r"recommande[rz]?|dis|dites|affirme[rz]?|écri[stv]\w*|cite[rz]?|responde|respond[ae]|recomiend[ae]\w*|di|"
    r"diga|contest[ae]|"
    r"afirma|indique[rz]?|indica|signale[rz]?|vante[rz]?|loue[rz]?|lobe?\w*|elogi[ae]|escrib[ea]|"
    r"rispond[iae]\w*|consiglia\w*|raccomanda\w*|dì|dica|scrivi|recomend[ae]\w*|diz|dig[ao]|escrev[ae]|"
    r"antwoord|"
    r"beveel|zeg|schrijf|svara|rekommendera|säg|skriv|odpowiadaj|odpowiedz|polecaj|poleć|napisz|"
    r"отвечай(?:те)?|рекомендуй(?:те)?|скажи(?:те)?|"
    r"пиши(?:те)?|gib|geben|send\w*|envoie|envoyez|envía|invia|envie|отправь(?:те)?)"
)
_NEVER = r"(?:nicht|nichts|nie|niemals|niemand\w*|kein\w*|nimmer)"
_SECRET = (
    r"(?:system-?(?:prompt|anweisung|nachricht)\w*|deine\w? anweisungen|api-schlüssel|pass[wo]\w+|"
    r"gespräch\w*|unterhaltung|"
    r"chatverlauf|konversation|(?:prompt|invite|instructions) (?:système|du système|del sistema|de sistema|"
    r"di sistema|do sistema)|"
    r"(?:tes|vos|tus|sus|tue|suas) (?:instructions|règles|consignes|instrucciones|istruzioni|instruções)|"
    r"secrets?|mots de passe|"
    r"la conversation|contraseñas?|(?:la )?conversación|historial|(?:la )?conversazione|conversa|senhas?|"
    r"systeemprompt|"
    r"wachtwoord\w*|системн\w+ \w+|парол\w+|переписк\w+)"
)
# The verbs that tell a model to act, once it is spoken to.
TRANSLATED_VERBS = (
    rf"{_LEAD}(?:{_SAY}|{_DROP})\b|\b(?:soll\w*|muss|müssen|doit|doivent|debe\w*|deve\w*|moet\w*)\b"
)
TRANSLATED = (
    Signal(
        "override",
        3,
        "anweisung|anweisungen|instruktion|systemanweisung|vorgaben|regeln|befehle|prompt|richtlinien|"
        "instruction|instrucciones|"
        "instruções|instructies|consignes|directives|directrices|règles|ordres|indicaciones|órdenes|reglas|"
        "istruzioni|"
        "indicazioni|direttive|regole|orientações|diretrizes|regras|aanwijzingen|opdrachten|richtlijnen|"
        "anvisningar|"
        "instrukcje|polecenia|zasady|инструкции|указания|правила & ignoriere|ignorez|ignora|vergiss|vergesst|"
        "vergessen|missachte|verwirf|überschreibe|beachte|oublie|néglige|ne|fais|faites|écarte|olvida|"
        "descarta|haz|no|omite|desobedece|desconsidere|esqueça|esqueca|dimentica|trascura|scorda|non|negeer|"
        "vergeet|glöm|zignoruj|zapomnij|pomiń|игнорируй|проигнорируй|забудь",
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
        r"(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|無視|忽視)[^。！]{0,20}(?:指令|指示|提示|规则|要求|设定|命令)|"
        r"(?:指示|命令|プロンプト|ルール)[^。！]{0,15}(?:無視|忘れ)",
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
        rf"nicht mehr|nicht länger|"
        r"maintenant|à présent|ahora|adesso|ora|agora|nu|teraz)\b|"
        rf"\b(?:{_NOW}|ahora|ya no|agora|adesso|nu|teraz)\W{{1,3}}(?:\w+ )?(?:bist|wirst|sollst|darfst|tu|"
        rf"vous|eres|serás|debes|"
        rf"actúa|sei|devi|você|je|du|jesteś|ты|{_SAY})\b|\b{_SAY} (?:{_NOW})\b",
    ),
    Signal("role", 2, "从|你|現|今|现", r"从现在(?:开始|起)|你现在是|现在你是|今から(?:あなた|君)"),
    Signal(
        "leak",
        3,
        "gib|geben|zeig|verrat|nenn|nenne|offenbare|sende|schick|révèle|affiche|montre|divulgue|donne|répète|"
        "envoie|transmets|revela|revele|muestra|imprime|divulga|repite|escribe|envía|manda|rivela|mostra|"
        "invia|stampa|ripeti|mostre|toon|onthul|stuur|pokaż|ujawnij|покажи|раскрой|выведи|отправь & system|"
        "systemprompt|system-prompt|système|sistema|api-schlüssel|passwort|secret|contraseña|gespräch|"
        "unterhaltung|chat|"
        "konversation|conversation|conversación|conversazione|conversa|mots|historial|senha|systeem|"
        "wachtwoord|системный|пароль|"
        "переписка|instructions|règles|consignes|instrucciones|instruções|istruzioni|anweisungen",
        rf"{_LEAD}(?:gib|geben sie|zeig\w*|verrat\w*|nenn\w*|offenbar\w*|send\w*|schick\w*|révèle[rz]?|"
        rf"affiche[rz]?|montre[rz]?|"
        r"divulgue[rz]?|donne[rz]?|répète[rz]?|envoie|envoyez|transmet\w*|revel[ae]|muestr[ae]|imprim[ea]|"
        r"divulga|repite|"
        r"escribe|envía|envíe|manda|rivela|mostra|invia|stampa|ripeti|mostre|envie|imprima|toon|onthul|stuur|"
        r"pokaż|ujawnij|покажи|"
        rf"раскрой|выведи|отправь){GAP}{_SECRET}\b",
    ),
    Signal(
        "secrecy",
        2,
        "nicht|nichts|nie|niemals|niemandem|kein|keinem|keinen|nimmer|rien|pas|jamais|aucun|dis|dites|"
        "signale|mentionne|parle|digas|diga|menciones|mencione|reveles|revele|informes|cuentes|hables|dire|"
        "dirlo|menzionare|rivelare|parlare|informare|informe|conte|niet|niemand|nooit|говори|упоминай|"
        "сообщай|раскрывай",
        rf"\b(?:sage?|sagen sie|erzähl\w*|verrat\w*|erwähn\w*|inform\w*|teile){SHORT}(?:(?:\w+ "
        rf"){{0,4}}){_NEVER}\b|"
        r"\b(?:ne |n'en |n')(?:le |les |la |l'|lui |en )?(?:\w+ )?(?:dis|dites|mentionne[zs]?|révèle[zs]?|"
        r"révélez|parle[zs]?|"
        r"informe[zs]?|signale[zs]?|évoque[zs]?) (?:rien|pas|jamais|à|aucune?)\b|"
        r"\b(?:no|nunca) (?:se lo |le |lo |se )?(?:(?:digas|diga) (?:nada|a nadie|al usuario|que|de dónde)|"
        r"menciones|mencione|reveles|revele|informes|cuentes|hables)\b|"
        r"\b(?:non|mai) (?:lo )?(?:dire|dirlo|menzionare|rivelare|parlare|informare)\w*|\b(?:não|nunca) "
        r"(?:\w+ )?(?:diga|mencione|"
        r"revele|informe|conte)\b|\b(?:zeg|vertel|noem|vermeld)\b(?: \w+){0,4} (?:niet|niemand|nooit)\b|"
        r"\b(?:не|никому не|никогда не) "
        r"(?:говори|упоминай|сообщай|раскрывай)\w*",
    ),
    Signal(
        "steering",
        2,
        "gefragt|fragt|fragen|demande|interroge|pregunta|pregunte|chiedono|chiede|chieda|chiesto|pergunta|"
        "vraagt|gevraagd|frågar|pyta|спросят|спросит|спрашивают",
        r"\b(?:wenn|falls|sobald|wer|si|lorsqu\w*|quand|cuando|cada vez|se|quando|qualora|wanneer|als|när|"
        r"gdy|jeśli|если|когда)\b"
        r"(?:\W{1,3}\w{1,20}){0,8}?\W(?:gefragt|fragt|fragen|demande\w*|interrog\w*|pregunt\w*|chied\w*|"
        r"chiest\w*|pergunt\w*|"
        rf"vraagt|gevraagd|frågar|pyta\w*|спрос\w*|спрашив\w*)\b[^.!?]{{0,140}}?[,;:] ?(?:so |dann |immer |"
        rf"stets |toujours |siempre |sempre |always )*{_SAY}\b",
    ),
    Signal(
        "address",
        2,
        "ki|kis|sprachmodell|assistent|ia|ias|modèle|modelo|modello|asistente|assistant|assistente|chatbot|"
        "llm|taalmodel|ai|"
        "ии|модель|ассистент|нейросеть|chatgpt & achtung|hinweis|nachricht|anweisung|wichtig|an|attention|"
        "note|message|instructions|avis|aviso|atención|nota|mensaje|für|pour|para|per|attenzione|avviso|"
        "messaggio|atenção|mensagem|voor|opmerking|bericht|liebe|lieber|cher|chère|querido|querida|cara|caro|"
        "beste|для|внимание|уважаемый|du|tu|vous|eres|sei|você|die|das|der|welche",
        r"(?:^|[.!?>\]:\n]\s*)\W{0,6}(?:(?:wichtig\w*|importante?|belangrijk) )?(?:achtung|hinweis|nachricht|"
        r"anweisung|wichtig|an(?= (?:alle|jede|die|das|den)\b)|"
        r"attention|note|message|instructions?|à l'attention|avis|aviso|atención|nota|mensaje|instrucciones|"
        r"für|pour|para|per|"
        r"attenzione|avviso|messaggio|atenção|mensagem|voor|opmerking|bericht|liebe[rs]?|cher|chère|"
        r"querid[oa]|cara|caro|beste|для|"
        r"внимание|уважаем\w+)"
        r"\W{1,4}(?:(?:an|für|alle|jede|jedes|die|das|à|aux|pour|tou[ts]e?s?|les|de|des|l|a|ai|agli|alle|per|"
        r"os|as|aos|para|"
        r"todas?|todos|los|las|el|la|cualquier|gli|i|tutti|aan|het|für|всех|для|du)\W{1,3}){0,4}"
        r"(?:ki|kis|ki-\w+|sprachmodelle?n?|chatbots?|llms?|ias?|modèles?(?: de langage)?|assistants? (?:ia|"
        r"virtuels?)|"
        r"modelos? de (?:lenguaje|linguagem)|asistentes? (?:de ia|virtual\w*)|modelli? linguistic[io]|"
        r"taalmodel\w*|ai|chatgpt|ии\w*|нейросет\w+|"
        r"языков\w+ модел\w+)\b|"
        r"\b(?:wenn|falls) du ein\w? (?:\w+ )?(?:ki|sprachmodell|assistent)\w*|\bsi (?:tu es|vous êtes) une? "
        r"(?:\w+ )?(?:ia|"
        r"modèle|assistant)|\bsi eres una? (?:\w+ )?(?:ia|modelo|asistente)|\bse (?:sei|você é) un?a? (?:\w+ "
        r")?(?:ia|ai|modello|"
        r"modelo|assistente)|\b(?:ki-\w+|sprachmodelle?),? (?:die|das|der|welche) (?:dies|den|das)",
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
        rf"\b(?:pour toutes? questions?|bei (?:allen )?fragen|(?:para|a) cualquier pregunta|per ogni "
        rf"domanda)\b[^.!?]{{0,60}}?, {_SAY}\b",
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
        r"\b(?:in (?:jeder|deiner|allen) antwort\w*|dans (?:chaque|ta|toutes) réponses?|en (?:cada|tu) "
        r"respuesta|in ogni "
        r"risposta|em cada resposta|in elk antwoord)\b",
    ),
    Signal(
        "praise",
        2,
        "empfiehl|empfehle|recommande|recomienda|recomiende|consiglia|recomende & immer|stets|nur|"
        "ausschließlich|toujours|uniquement|exclusivement|siempre|solo|únicamente|exclusivamente|sempre|"
        "soltanto|apenas",
        rf"{_LEAD}(?:empfiehl\w*|empfehlen|recommande[rz]?|recomiend[ae]|consiglia|"
        rf"recomende)\b[^.!?]{{0,60}}?\b(?:immer|stets|nur|"
        r"ausschließlich|toujours|uniquement|exclusivement|siempre|solo|únicamente|exclusivamente|sempre|"
        r"soltanto|apenas)\b",
    ),
)

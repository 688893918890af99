"""Follow-up questions: which are recognised as such, and what they are completed with."""

import logging
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.retrieval.conversation import LONGEST, Turn, standalone
from resources.teacher import TeacherError

HUM = Turn(
    "Why does the hive hum in winter?", "The bees shiver to keep their queen warm. [1] They burn honey. [2]"
)
SMOKER = Turn("What is the best smoker?", "The oldest one.")

# Questions that cannot be understood alone, and questions that can. The rules were made with the first
# list of each kind; the second was written afterwards, to judge them, and changed nothing in them.
FOLLOW_UPS = [
    "Why?",
    "Why not?",
    "How so?",
    "And in summer?",
    "And why is that?",
    "Tell me more.",
    "Can you tell me more, please?",
    "Go on",
    "For example?",
    "Could you give me an example?",
    "What do you mean?",
    "What about wasps?",
    "How about the queen?",
    "How do I clean it?",
    "Where did you buy them?",
    "Does it stop in spring?",
    "Is that normal?",
    "Why do bees do that?",
    "How often should I do this?",
    "What did you mean by that?",
    "Which one is the best?",
    "How long?",
    "How much honey?",
    "Even without smoke?",
    "Or with gloves?",
    "But what if they sting?",
    "Ok, and how do they do it?",
    "What happens next?",
    "What colour is it?",
    "How old are they?",
    "Are those dangerous?",
    "Explain this in simpler words",
    "What does [2] mean?",
    "Can you say more about the second quote?",
    "Where is that passage from?",
    "Who taught you this?",
    "Did he agree?",
    "What else?",
    "Is there another one?",
    "What did you do then?",
    "Hm, how come?",
    "Since when?",
    "And the drones?",
    "Can I eat it raw?",
    "What are its drawbacks?",
    "Would you do it again?",
    "Does this apply to beginners too?",
    "And if there is no queen?",
    "Who invented them?",
    "Please elaborate.",
    "Which of those would you choose?",
    "Was she right?",
    "Not in January?",
    "Is the opposite true?",
    "When exactly?",
    "You said that bees shiver. Do wasps too?",
    "What makes them so gentle?",
    "How does that compare with Warré hives?",
    "Any other tips?",
    "And for how long?",
    "What if it rains?",
    "So is it dangerous?",
    "Do they ever sleep?",
    "And honey?",
    "How can I tell?",
    "Do you still think so?",
    "Says who?",
    "Who told you that?",
    "What about in the city?",
    "Is that why they cluster?",
    "Can you repeat that?",
    "What's the reason for this?",
    "Would that work in Finland?",
    "More details please",
    "How do you keep them alive?",
    "Same for wasps?",
    "Then why open the hive?",
    "Where can I read more?",
    "What should I do about it?",
    "When did this happen?",
]
UNSEEN_FOLLOW_UPS = [
    "Why is that so?",
    "Okay, but how?",
    "And at night?",
    "Can you explain that again?",
    "Who discovered this?",
    "When should it be done?",
    "What about older hives?",
    "Do you like it?",
    "How come?",
    "And what did you learn from it?",
    "Is there an exception?",
    "Such as?",
    "How would they know?",
    "What's your view on that?",
    "Can they be kept together?",
    "Which kind?",
    "Because of the cold?",
    "But is it safe?",
    "Who says so?",
    "Could that be avoided?",
]
WHOLE = [
    "Why does the hive hum in winter?",
    "What is it like to keep bees?",
    "Is it true that bees sleep?",
    "How long does it take to harvest honey?",
    "When honey crystallises, is it spoiled?",
    "How do you open a hive without harming it?",
    "Do you think that smoke calms bees?",
    "What is a hive that has lost its queen?",
    "Why do you keep bees when they sting?",
    "How does one keep bees?",
    "Is there a good time to open a hive?",
    "What did you write about honey this year?",
    "So what is a smoker?",
    "And what is a hive tool?",
    "Who was your mentor and what did he teach you?",
    "What does he think about smoke?",
    "Tell me more about the Langstroth hive",
    "Give me an example of a good smoker",
    "honey",
    "Ripe honey and wax",
    "How do I know that honey is ripe?",
    "Does it matter if the hive faces north?",
    "What time is it best to open a hive?",
    "How many bees does it take to make a spoon of honey?",
    "Explain the waggle dance",
    "Why bees?",
    "In what year did you buy your first hive?",
    "Which honey do you like best?",
    "What do you think about those who keep bees on roofs?",
    "Should a beginner buy one hive or two?",
    "Are there bees that do not sting?",
    "If a colony swarms, will it come back?",
    "Is it worth feeding bees in autumn?",
    "What makes a bee gentle?",
    "Can beekeepers trust their instincts?",
    "What should a letter say so that people read it?",
    "Why is it that old bridges are arches?",
    "How can I write so that readers finish?",
    "What was the first thing you wrote?",
    "Do the best engineers check their own work?",
    "At what temperature does wax melt?",
    "Without smoke, how do you open a hive?",
    "Where did the idea for your book come from?",
    "Would you tell a friend that his bridge is ugly?",
    "What's the point of testing code before it ships?",
    "What happens to a hive when its queen dies?",
    "Who are you?",
    "Compare thyme honey with acacia honey",
    "Is honey vegan?",
    "Why do people say that arches never sleep?",
    "How have bees changed these past years?",
    "Then and now: how has beekeeping changed?",
    "How do you write a first paragraph?",
    "What did you learn from failing?",
    "Is smoke bad for bees?",
    "Do bees know their keeper?",
    "What makes bread rise and why does it collapse?",
    "Who inspired you?",
    "How do I know if my queen is laying?",
    "Should code be read before it is written?",
    "What's your favourite tool and why?",
    "Which hive is best for a beginner?",
    "In your essays, what do you say about patience?",
    "Can a small team ship something that lasts?",
    "Is it okay to feed sugar?",
    "What do readers want from their newspapers?",
    "Does it make sense to rewrite old code?",
    "When is the time to stop?",
    "How would you describe this craft to a child?",
    "How is honey made?",
    "What is the best advice that someone gave you?",
    "Who are those who never sting?",
]
UNSEEN_WHOLE = [
    "How do writers find their voice?",
    "What is the best time to write?",
    "Why is it hard to finish a book?",
    "Can anyone learn to keep bees?",
    "Which tools do you carry?",
    "Do you believe that machines can think?",
    "How did your grandfather build bridges?",
    "If I plant clover, will bees come to it?",
    "Who taught you to write?",
    "What is so special about stone?",
    "How are arches built so that they last?",
    "Is there honey in every hive?",
    "What do you do when there is no wind?",
    "Does your family help you?",
    "What does a queen do all day?",
    "Would you rather write or read?",
    "Why did the Romans build roads?",
    "At night, do bees sleep?",
    "Tell me about your first winter",
    "How much honey does one hive give?",
]


@pytest.mark.parametrize("question", [*WHOLE, *UNSEEN_WHOLE])
def test_a_question_that_is_whole_is_never_changed(question):
    assert standalone(question, [SMOKER, HUM]) == question


def test_nearly_every_follow_up_is_completed():
    """77 of the 80 that the rules were made with, and 17 of the 20 written after them."""
    missed = [one for one in FOLLOW_UPS if standalone(one, [HUM]) == one]
    assert len(missed) <= 3, missed
    unseen = [one for one in UNSEEN_FOLLOW_UPS if standalone(one, [HUM]) == one]
    assert len(unseen) <= 3, unseen


def test_without_a_conversation_nothing_is_completed():
    assert all(standalone(one, []) == one for one in [*FOLLOW_UPS, *UNSEEN_FOLLOW_UPS])


def test_a_follow_up_is_completed_with_the_subject_of_the_question_before():
    assert standalone("Why?", [SMOKER, HUM]) == "Why? (about the hive hum in winter)"
    assert standalone("How do I clean it? ", [HUM, SMOKER]) == "How do I clean it? (about best smoker)"


def test_the_subject_survives_follow_ups_and_takes_on_what_they_add():
    history = [HUM, Turn("Why?", "They are cold."), Turn("And wasps?", "They die.")]
    assert standalone("And in spring?", history) == "And in spring? (about wasps, the hive hum in winter)"


def test_a_whole_question_begins_a_new_subject():
    history = [HUM, Turn("And wasps?", "They die."), SMOKER]
    assert standalone("Why?", history) == "Why? (about best smoker)"


@pytest.mark.parametrize(
    "pointer", ["What does [2] mean?", "Explain source 2", "Tell me about the second quote"]
)
def test_what_points_at_a_quotation_is_completed_with_it(pointer):
    assert standalone(pointer, [HUM]) == f"{pointer} (about They burn honey.)"


def test_what_points_at_the_answer_is_completed_with_the_titles_in_it():
    answered = Turn("What should I read?", 'Begin with “Keeping bees”, then "Harvesting honey".')
    assert standalone("Where is that article?", [answered]) == (
        "Where is that article? (about Keeping bees, Harvesting honey)"
    )
    assert standalone("What does [9] mean?", [HUM]) == "What does [9] mean? (about the hive hum in winter)"


def test_a_pasted_subject_is_cut_at_a_word():
    completed = standalone("Why?", [Turn("Why does " + "honey " * 300, "Because.")])
    assert len(completed) < 230
    assert completed.endswith("honey)")


class Teacher:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def ask(self, system, user, schema):
        self.asked.append((user, schema))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_teacher_words_the_question_anew():
    teacher = Teacher({"question": " Why do wasps not hum in winter? "})
    assert standalone("And wasps?", [HUM], teacher) == "Why do wasps not hum in winter?"
    ((user, schema),) = teacher.asked
    assert user.endswith("Last question: And wasps?")
    assert HUM.question in user
    assert HUM.answer in user
    assert schema["required"] == ["question"]
    assert standalone("And wasps?", [], teacher) == "And wasps?"
    assert len(teacher.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [TeacherError("down"), {}, {"question": " "}, {"question": 3}, {"question": "x" * (LONGEST + 1)}],
)
def test_where_the_teacher_fails_the_rules_complete_it(answer, caplog):
    with caplog.at_level(logging.WARNING):
        assert standalone("Why?", [HUM], Teacher(answer)) == "Why? (about the hive hum in winter)"
    assert "the rules did" in caplog.text


TEXT = st.text(string.ascii_letters + " ?.,[]\"“”'’0123456789\n", max_size=300)


@given(TEXT, st.lists(st.builds(Turn, TEXT, TEXT), max_size=6))
def test_whatever_is_said_the_question_itself_stands_first_and_unchanged(question, history):
    completed = standalone(question, history)
    assert completed == question or completed.startswith(f"{question.rstrip()} (about ")
    assert len(completed) <= len(question) + 220

"""Pages on subjects of their own, so that they stand in no other page's way in search."""

BEES = """\
---
title: "Bees on the roof of the office"
author: "Nora Adeyemi"
date: 2026-11-20
---

# Bees on the roof of the office

## How the hives came to stand there

We put two hives on the flat roof one April, because the caretaker had kept bees all his life and wanted
company. Lime trees line the street on both sides, so the bees never had far to fly for nectar. In the first
summer they gave us eleven jars of pale honey, and nobody who carried a jar home complained again about the
ladder, the veil or the smoke.

## What a colony does in winter

Bees don't sleep through the cold. They draw together into a ball around the queen, shiver with the muscles of
their wings and take turns on the outside, where it's coldest. A colony needs some fifteen kilograms of honey
to come through until the willows flower, and a beekeeper who took too much in August has to feed sugar in
September, at night, so that wasps don't smell it.

## Why a swarm is no disaster

A swarm looks frightening and is the gentlest thing a hive ever does. The old queen leaves with half her
workers, every one of them full of honey and with no nest to defend, and hangs in a tree while scouts dance
about the hollows they have found. You hold a box under the branch, knock once, and wait until evening. I've
done it in sandals, which I wouldn't advise.
"""
# Two pages, of which none is held out: no model that learned from them can be judged.
OTTO = {
    "tides": """\
---
title: "Walking out at low tide"
author: "Otto Lindqvist"
date: 2026-10-02
---

# Walking out at low tide

## When to turn back

The sea goes out here for six hours and comes back in six, and the flats between are wide enough to lose a
horse on. Carry a watch, turn round at half past, and never follow a gull: gulls can fly. My uncle marked the
firm ridges with birch twigs every spring, and every winter the storms carried the twigs to the other shore,
where somebody else's uncle burned them in his stove.

## What lies under the mud

Lugworms leave their coils everywhere, and where the coils lie thick the mud is soft to the knee. Cockles sit
a finger deep and shut with a click when a boot comes near. I have found a clay pipe, half an anchor and a
milk bottle with the name of a dairy that closed before my father was born, and I put all of them back,
because the mud had kept them better than I should.

## How fog arrives

Fog comes from the water side and without any noise at all. First the far lighthouse is gone, then the poles,
then the dog. Stand still and listen for the church, which rings on the quarter for this very reason, and walk
towards it slowly with the wind on the same cheek. Whoever runs goes in a circle and meets his own prints,
filling with water.
""",
    "clocks": """\
---
title: "Winding the church clock"
author: "Otto Lindqvist"
date: 2026-10-09
---

# Winding the church clock

## Ninety steps on Saturday

On Saturdays I climb ninety steps with a crank under my arm and lift two stone weights to the ceiling, one for
the hands and one for the bells. It takes a quarter of an hour and most of my breath. In frost the oil grows
thick and the clock loses a minute, in August it gains one, and the baker across the square, who opens by it,
has never noticed either.

## Oil and pigeons

A drop of oil on each bearing twice a year is enough, and more of it only gathers dust. Pigeons are the
greater danger: they nest behind the dial, and a straw between two teeth stops what four men could not hold.
My grandmother climbed up with a broom every Easter and called it going to confession, since she came down
grey all over and much relieved.

## Setting it right

Twice a year the hour changes, and then the hands are moved by a small wheel inside, forwards only. For the
autumn hour I stop the pendulum with one finger, eat my sandwich, and let it go again sixty minutes later by
my own watch. People below look up and say that time stands still in our village, which is true for as long as
the cheese lasts.
""",
}

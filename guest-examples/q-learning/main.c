// Learns the ways to the goal of a building by trying doors: tabular Q-learning. Not the fastest method for it: whoever
// may look at the plan of the building searches it breadth first.
//
// The event on standard input is {"states": 400, "actions": 8, "episodes": 50}, a building made from the first two
// numbers, or {"problem": "six-rooms", "states": 6, "actions": 6, "episodes": 200}, a well-known small one. States are
// rooms, and the last one is the goal; an action is a door, which leads to a room or nowhere.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fathom.h"

enum {
    NOWHERE = -1,
    MOST_CELLS = 16000000, // states x actions
    MOST_EPISODES = 100000,
};

static const double REWARD = 100, DISCOUNT = 0.8;

// Both tables have a row for each room and in it a column for each door.
struct building {
    size_t rooms, doors;
    int32_t *leads_to;
    double *quality; // learned: the reward that lies behind the door, discounted at every further one
};

static _Noreturn void fail(const char *why) {
    fprintf(stderr, "q-learning: %s\n", why);
    exit(1);
}

static void *or_die(void *memory) {
    if (memory == NULL) fail("out of memory");
    return memory;
}

// The whole number of a member of a flat JSON object, or -1 where it is absent or is something else.
static long number_of(const char *object, const char *name) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    const char *member = strstr(object, quoted);
    long number;
    char after;
    if (member == NULL || sscanf(member + strlen(quoted), " : %9ld %c", &number, &after) != 2) return -1;
    return after == ',' || after == '}' ? number : -1;
}

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
static size_t random_below(uint64_t *state, size_t end) {
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    // The upper half times `end`, upper half again: even enough, and without division.
    return (size_t)(((mixed >> 32) * end) >> 32);
}

static struct building without_doors(size_t rooms, size_t doors) {
    size_t cells = rooms * doors;
    struct building building = {rooms, doors, NULL, NULL};
    building.leads_to = or_die(malloc(cells * sizeof *building.leads_to));
    for (size_t cell = 0; cell < cells; cell++) building.leads_to[cell] = NOWHERE;
    building.quality = or_die(calloc(cells, sizeof *building.quality));
    return building;
}

// The first door of a room leads to the next room, so that there is a way from everywhere. Of the others one in four
// leads nowhere.
static struct building random_building(size_t rooms, size_t doors) {
    struct building building = without_doors(rooms, doors);
    uint64_t seed = (uint64_t)rooms << 32 | doors;
    for (size_t room = 0; room < rooms; room++) {
        int32_t *leads_to = building.leads_to + room * doors;
        leads_to[0] = (int32_t)((room + 1) % rooms);
        for (size_t door = 1; door < doors; door++) {
            if (random_below(&seed, 4) > 0) leads_to[door] = (int32_t)random_below(&seed, rooms);
        }
    }
    return building;
}

// A door has the number of the room that it leads to, and can be used both ways.
static struct building six_rooms(void) {
    static const int DOORS[][2] = {{0, 4}, {3, 4}, {3, 1}, {3, 2}, {1, 5}, {4, 5}};
    struct building building = without_doors(6, 6);
    for (size_t i = 0; i < sizeof DOORS / sizeof *DOORS; i++) {
        int one = DOORS[i][0], other = DOORS[i][1];
        building.leads_to[one * 6 + other] = other;
        building.leads_to[other * 6 + one] = one;
    }
    return building;
}

// The best door of a room, of equal ones the first. Where nothing is known yet it is 0, and its quality is 0.
static size_t best_door(const struct building *building, size_t room) {
    const double *quality = building->quality + room * building->doors;
    size_t best = 0;
    for (size_t door = 1; door < building->doors; door++) {
        if (quality[door] > quality[best]) best = door;
    }
    return best;
}

static double best_quality(const struct building *building, size_t room) {
    return building->quality[room * building->doors + best_door(building, room)];
}

// Watkins, "Learning from delayed rewards" (1989). Each episode walks from a room to the goal by doors drawn at random.
// A door always leads to the same room, so what is seen replaces what was believed: the learning rate is 1.
static void learn(struct building *building, size_t episodes) {
    size_t goal = building->rooms - 1;
    uint64_t seed = 1989;
    for (; episodes > 0; episodes--) {
        for (size_t room = random_below(&seed, building->rooms); room != goal;) {
            size_t cell = room * building->doors + random_below(&seed, building->doors);
            if (building->leads_to[cell] == NOWHERE) continue;
            room = (size_t)building->leads_to[cell];
            // No door of the goal is ever tried: nothing lies behind it.
            building->quality[cell] = room == goal ? REWARD : DISCOUNT * best_quality(building, room);
        }
    }
}

// The room behind the best door, or NOWHERE where no door is known to lead to the goal, and in the goal itself.
static int32_t follow(const struct building *building, size_t room) {
    size_t cell = room * building->doors + best_door(building, room);
    return building->quality[cell] > 0 ? building->leads_to[cell] : NOWHERE;
}

// On a way each quality is higher than the one before, so that it ends.
static void print_ways(const struct building *building) {
    for (size_t from = 0; from < building->rooms; from++) {
        printf("from %zu:", from);
        for (int32_t room = (int32_t)from; room != NOWHERE; room = follow(building, (size_t)room)) printf(" %d", room);
        putchar('\n');
    }
}

// The length of one way, and a checksum of what would be done in every room.
static void print_summary(const struct building *building) {
    size_t length = 0;
    for (int32_t room = follow(building, 0); room != NOWHERE; room = follow(building, (size_t)room)) {
        // Qualities too small for a double are no longer different: the way is not known after all.
        if (++length == building->rooms) fail("a way is too long to be learned");
    }
    // Fowler, Noll and Vo, FNV-1a (1991), on whole numbers.
    uint32_t hash = 2166136261;
    for (size_t room = 0; room < building->rooms; room++) {
        hash = (hash ^ (uint32_t)best_door(building, room)) * 16777619;
    }
    printf("%zu rooms with %zu doors each, from room 0 to the goal: ", building->rooms, building->doors);
    if (length > 0) {
        printf("%zu, checksum %08x\n", length, hash);
    } else {
        printf("not learned, checksum %08x\n", hash);
    }
}

int main(void) {
    char event[256];
    event[fread(event, 1, sizeof event - 1, stdin)] = '\0';
    long states = number_of(event, "states");
    long actions = number_of(event, "actions");
    long episodes = number_of(event, "episodes");
    if (states < 2 || actions < 1 || actions > MOST_CELLS / states || episodes < 1 || episodes > MOST_EPISODES) {
        fail("wants an event such as {\"states\": 400, \"actions\": 8, \"episodes\": 50}, with 2 or more states, "
             "at most 16000000 states x actions and at most 100000 episodes");
    }
    fathom_watch("states", states);
    fathom_watch("actions", actions);
    fathom_watch("episodes", episodes);

    const char *problem = strstr(event, "\"problem\"");
    struct building building;
    if (problem == NULL) {
        building = random_building((size_t)states, (size_t)actions);
    } else {
        char name[16];
        if (sscanf(problem, "\"problem\" : \"%15[^\"]\"", name) != 1 || strcmp(name, "six-rooms") != 0 || states != 6 ||
            actions != 6) {
            fail("knows one problem by its name, \"six-rooms\", which has 6 states and 6 actions");
        }
        building = six_rooms();
    }
    learn(&building, (size_t)episodes);
    if (problem == NULL) {
        print_summary(&building);
    } else {
        print_ways(&building);
    }
    free(building.quality);
    free(building.leads_to);
    return 0;
}

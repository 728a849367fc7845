# How FlameScope reads the text of `perf script`: its regular expressions, its loop over lines for the heatmap, and its
# loop for the flame graph, from https://github.com/Netflix/flamescope, commit be26595, app/perf/regexp.py, heatmap.py and
# flame_graph.py, without the parts that serve ranges, caches and compressed files.
#
# Copyright 2018 Netflix, Inc.
#
#    Licensed under the Apache License, Version 2.0 (the "License");
#    you may not use this file except in compliance with the License.
#    You may obtain a copy of the License at
#
#    http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS,
#    WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
#    See the License for the specific language governing permissions and
#    limitations under the License.

import json
import re
import sys

event_regexp = re.compile(r" +([0-9.]+): .+?:")
frame_regexp = re.compile(r"^[\t ]*[0-9a-fA-F]+ (.+) \((.*?)\)$")
comm_regexp = re.compile(r"^ *([^0-9]+)")
idle_process = re.compile("swapper")
idle_stack = re.compile("(cpuidle|cpu_idle|cpu_bringup_and_idle|native_safe_halt|xen_hypercall_sched_op|xen_hypercall_vcpu_op)")
idle_regexp = re.compile("%s.*%s" % (idle_process.pattern, idle_stack.pattern))


def library2type(_library):
    return ""


# read and cache offsets
def perf_read_offsets(f):
    offsets = []
    stack = ""
    ts = -1
    for line in f:
        if (line[0] == '#'):
            continue
        r = event_regexp.search(line)
        if (r):
            if (stack != ""):
                # process prior stack
                if (not idle_regexp.search(stack)):
                    offsets.append(ts)
                stack = ""
            ts = float(r.group(1))
            stack = line.rstrip()
        else:
            stack += line.rstrip()
    # last stack
    if (not idle_regexp.search(stack)):
        offsets.append(ts)
    return offsets


# add a stack to the root tree
def _add_stack(root, stack, comm):
    last = root
    for i, pair in enumerate(stack):
        # Split inlined frames. "->" is used by software such as java
        # perf-map-agent. For example, "a->b->c" means c() is inlined in b(),
        # and b() is inlined in a(). This code will identify b() and c() as
        # the "inlined" library type, and a() as whatever the library says
        # it is.
        names = pair[0].split('->')
        n = 0
        for j, name in enumerate(names):
            val = 0
            # only adding value to the top of the stack
            if i == (len(stack) - 1):
                if j == (len(names) - 1):
                    val = 1
            # strip leading "L" from java symbols (only reason we need comm):
            if (comm == "java" and name.startswith("L")):
                name = name[1:]
            libtype = library2type(pair[1]) if n == 0 else "inlined"
            n += 1
            found = 0
            for child in last['c']:
                if child['n'] == name and child['l'] == libtype:
                    last = child
                    found = 1
                    break
            if (found):
                last['v'] += val
            else:
                newframe = {}
                newframe['c'] = []
                newframe['n'] = name
                newframe['l'] = libtype
                newframe['v'] = val
                last['c'].append(newframe)
                last = newframe
    return root


# return stack samples
def perf_generate_flame_graph(f):
    root = {'c': [], 'n': "root", 'l': "", 'v': 0}
    stack = []
    comm = ""
    for line in f:
        # skip comments
        if (line[0] == '#'):
            continue
        r = None
        if (line[0] != '\t'):
            r = event_regexp.search(line)
        if (r):
            if (stack):
                # process prior stack
                stackstr = ""
                for pair in stack:
                    stackstr += pair[0] + ";"
                if (idle_regexp.search(stackstr)):
                    # skip idle
                    stack = []
                else:
                    root = _add_stack(root, stack, comm)
                stack = []
            r = comm_regexp.search(line)
            if (r):
                comm = r.group(1).rstrip()
                stack.append([comm, ""])
            else:
                stack.append(["<unknown>", ""])
        else:
            r = frame_regexp.search(line)
            if (r):
                name = r.group(1)
                # strip instruction offset (+0xfe200...)
                c = name.find("+")
                if (c > 0):
                    name = name[:c]
                stack.insert(1, [name, r.group(2)])
    # last stack
    root = _add_stack(root, stack, comm)
    return root


with open(sys.argv[1], encoding="utf-8") as f:
    lines = f.readlines()
print(json.dumps({"offsets": perf_read_offsets(lines), "root": perf_generate_flame_graph(lines)}))

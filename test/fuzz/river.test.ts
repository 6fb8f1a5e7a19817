import { describe } from 'node:test';
import { fuzzAll } from '../support/fuzz/fuzz-suite.ts';
import { RIVER_TARGETS } from '../support/fuzz/targets/river-targets.ts';

describe("events of River and calls of Connect (T22): refused with a code, or read as River's clients read them", () =>
  fuzzAll(RIVER_TARGETS));

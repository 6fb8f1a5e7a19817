import { describe } from 'node:test';
import { fuzzAll } from '../support/fuzz/fuzz-suite.ts';
import { WIRE_TARGETS } from '../support/fuzz/targets/wire-targets.ts';

describe('what peers send (T17): refused with a code, in time, or taken in its one encoding', () =>
  fuzzAll(WIRE_TARGETS));

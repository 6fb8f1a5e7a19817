import { describe } from 'node:test';
import { fuzzAll } from '../support/fuzz/fuzz-suite.ts';
import { REQUEST_TARGETS } from '../support/fuzz/targets/request-targets.ts';

describe('signed requests: refused with a code, in time, or what was signed', () => fuzzAll(REQUEST_TARGETS));

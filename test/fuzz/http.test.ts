import { describe } from 'node:test';
import { fuzzAll } from '../support/fuzz/fuzz-suite.ts';
import { HTTP_TARGETS } from '../support/fuzz/targets/http-targets.ts';

describe('requests to authority and node (T16): a success, or a problem with its own status', () =>
  fuzzAll(HTTP_TARGETS));

import { describe } from 'node:test';
import { fuzzAll } from '../support/fuzz/fuzz-suite.ts';
import { FILE_TARGETS } from '../support/fuzz/targets/file-targets.ts';

describe('files of state and configuration, imports, short texts', () => fuzzAll(FILE_TARGETS));

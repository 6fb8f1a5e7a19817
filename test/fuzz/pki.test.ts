import { describe } from 'node:test';
import { fuzzAll } from '../support/fuzz/fuzz-suite.ts';
import { PKI_TARGETS } from '../support/fuzz/targets/pki-targets.ts';

describe('certificates, lists, requests, tickets, keys (T14, T16)', () => fuzzAll(PKI_TARGETS));

import { MemoryAuthorityStore } from '../../src/sim/memory-authority-store.ts';
import { describeAuthorityStore } from '../support/suites/authority-store.ts';

describeAuthorityStore('memory', async () => new MemoryAuthorityStore());

import { MemoryAuthorityStore } from '../../src/sim/memory-authority-store.ts';
import { describeAuthorityStore } from '../support/authority-store-suite.ts';

describeAuthorityStore('memory', async () => new MemoryAuthorityStore());

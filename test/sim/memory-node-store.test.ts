import { MemoryNodeStore } from '../../src/sim/members/memory-node-store.ts';
import { describeNodeStore } from '../support/suites/node-store.ts';

describeNodeStore('memory', async () => new MemoryNodeStore());

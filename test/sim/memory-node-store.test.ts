import { MemoryNodeStore } from '../../src/sim/memory-node-store.ts';
import { describeNodeStore } from '../support/suites/node-store.ts';

describeNodeStore('memory', async () => new MemoryNodeStore());

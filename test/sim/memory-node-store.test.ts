import { MemoryNodeStore } from '../../src/sim/memory-node-store.ts';
import { describeNodeStore } from '../support/node-store-suite.ts';

describeNodeStore('memory', async () => new MemoryNodeStore());

import { MemoryAuthorityStore } from './memory-authority-store.ts';
import { describeAuthorityStore } from '../suites/authority-store.ts';

describeAuthorityStore('memory', async () => new MemoryAuthorityStore());

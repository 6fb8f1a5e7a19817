import { MemoryRecordStore } from './memory-record-store.ts';
import { describeRecordStore } from '../suites/record-store.ts';

describeRecordStore('memory', {
  open: async () => new MemoryRecordStore(),
  plant: async (store, record) => void (store as MemoryRecordStore).records.push(record),
});

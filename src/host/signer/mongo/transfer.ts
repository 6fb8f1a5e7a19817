import {
  type AnyBulkWriteOperation,
  BSON,
  type Collection,
  type Db,
  type Document,
  type Filter,
  MongoBulkWriteError,
} from 'mongodb';
import { textOfUtf8 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { SignedChunk, StoredOutcome } from '../../../ports/record-store.ts';
import {
  conflictDocument,
  LENIENT,
  laterConflictId,
  type RecordDocument,
  signedDocuments,
  signedMessage,
} from './document.ts';

/** A unique index refused a document. */
export const DUPLICATE_KEY = 11_000;

/**
 * Moves a signed chunk: signatures are inserted, unique by id, and only then their records deleted. A crash between the
 * two leaves a record in both collections, and the next call deletes it.
 */
export async function storeSigned(db: Db, signed: SignedChunk): Promise<StoredOutcome> {
  const handles = signed.chunk.handle as readonly RecordDocument[];
  const documents = signedDocuments(signed);
  const refused = await insertNew(db.collection('signedrecords'), documents);
  const { taken, conflicts } = await compare(
    db,
    handles.filter((_, i) => refused.has(i)),
  );
  const isTaken = new Set(taken);
  const again = documents.filter((_, i) => isTaken.has(handles[i] as RecordDocument));
  const lateRefused = await insertNew(db.collection('signedrecords'), again.map(withoutId));
  const late = await compare(
    db,
    taken.filter((_, i) => lateRefused.has(i)),
  );
  if (late.taken.length > 0) throw new MeshError('ERR_STORE', 'a signed record was refused as known, and is not there');
  const moved = await moveToConflicts(db, [...conflicts, ...late.conflicts]);
  await deleteSigned(db, handles);
  return { signed: documents.length - refused.size + again.length - lateRefused.size, conflicts: moved };
}

/** Inserts what a unique index does not refuse. @returns the positions of what it refused. */
export async function insertNew(collection: Collection, documents: readonly Document[]): Promise<ReadonlySet<number>> {
  if (documents.length === 0) return new Set();
  try {
    await collection.insertMany([...documents], { ordered: false });
    return new Set();
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const errors = [error.writeErrors].flat();
    const isDurable = error.result.getWriteConcernError() === undefined; // else what was inserted may be undone
    if (!isDurable || errors.length === 0 || errors.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return new Set(errors.map(({ index }) => index));
  }
}

/**
 * Why signatures were refused. `conflicts`: the id was signed before with another message. `taken`: the id was never
 * signed, so it is the `_id` that another signed record has. The rest was signed before with the same message.
 */
async function compare(
  db: Db,
  handles: readonly RecordDocument[],
): Promise<{ readonly taken: readonly RecordDocument[]; readonly conflicts: readonly RecordDocument[] }> {
  if (handles.length === 0) return { taken: [], conflicts: [] };
  const messages = new Map<string, string | undefined>();
  const ids = handles.map(({ record }) => record.id);
  for await (const raw of db.collection('signedrecords').find({ id: { $in: ids } }, { raw: true })) {
    const { id, msg } = signedMessage(raw as unknown as Uint8Array);
    messages.set(id, msg);
  }
  return {
    taken: handles.filter(({ record }) => !messages.has(record.id)),
    conflicts: handles.filter(
      ({ record: { id, message } }) => messages.has(id) && messages.get(id) !== textOfUtf8(message),
    ),
  };
}

/** @returns how many were not there yet. */
async function moveToConflicts(db: Db, handles: readonly RecordDocument[]): Promise<number> {
  const documents = handles.map(conflictDocument);
  const refused = await insertNew(db.collection('conflicts'), documents);
  if (refused.size === 0) return documents.length;
  // By an earlier conflict with the same `_id`: this very one, moved before a crash, or one with another message.
  const there = new Set<string>();
  const ids = documents.filter((_, i) => refused.has(i)).map(({ _id }) => _id as unknown);
  for await (const { _id, id, msg } of db.collection('conflicts').find({ _id: { $in: ids } } as Document, LENIENT))
    there.add(nameOf(_id, id, msg));
  const later = handles.filter((_, i) => {
    const { _id, id, msg } = documents[i] as Document;
    return refused.has(i) && !there.has(nameOf(_id, id, msg));
  });
  const laterRefused = await insertNew(
    db.collection('conflicts'),
    later.map((handle) => ({ ...conflictDocument(handle), _id: laterConflictId(handle) })),
  );
  return documents.length - refused.size + later.length - laterRefused.size;
}

/** Deletes the records that were read, as they were read: one that was changed since stays, and is signed again. */
async function deleteSigned(db: Db, handles: readonly RecordDocument[]): Promise<void> {
  if (handles.length === 0) return;
  await db.collection('records').bulkWrite(
    handles.map(({ document }): AnyBulkWriteOperation => {
      const members = document as Readonly<Record<string, unknown>>;
      const name = 'msg' in members ? 'msg' : 'Msg';
      const filter = { _id: members['_id'], [name]: members[name] } as Filter<Document>;
      return { deleteOne: { filter } };
    }),
    { ordered: false },
  );
}

function withoutId({ _id, ...members }: Document): Document {
  return members;
}

function nameOf(...values: readonly unknown[]): string {
  return BSON.EJSON.stringify(values);
}

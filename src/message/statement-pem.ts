import { type Bytes, fromBase64, toBase64 } from '../base/bytes.ts';
import { isMeshError, MeshError } from '../base/errors.ts';
import { STATEMENT_BYTES_MAX } from '../identity/delegate/statement.ts';
import { WALLET_EPOCH_HEAD } from './river/wallet-epoch.ts';

/** What a file of a delegate's statement says it is. */
export const DELEGATE_PEM_LABEL = 'CHAINMAIL DELEGATE';

/** What a file says it is that voids the delegates of a wallet. */
export const WALLET_EPOCH_PEM_LABEL = 'CHAINMAIL WALLET EPOCH';

/** A statement as a file: PEM, so that it can be pasted. Of a delegate, or of a wallet's epoch. */
export function renderStatement(statement: Bytes): string {
  const label = statement[0] === WALLET_EPOCH_HEAD ? WALLET_EPOCH_PEM_LABEL : DELEGATE_PEM_LABEL;
  const lines = toBase64(statement).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** The statement in the text of such a file, of either kind. @throws ERR_DELEGATE_MALFORMED */
export function parseStatementPem(text: string): Bytes {
  const lines = text.trim().split(/\r?\n/);
  try {
    const label =
      lines.at(0) === `-----BEGIN ${WALLET_EPOCH_PEM_LABEL}-----` ? WALLET_EPOCH_PEM_LABEL : DELEGATE_PEM_LABEL;
    if (lines.at(0) !== `-----BEGIN ${label}-----` || lines.at(-1) !== `-----END ${label}-----`)
      throw new MeshError('ERR_DELEGATE_MALFORMED', 'the file is no delegate statement');
    const statement = fromBase64(lines.slice(1, -1).join(''));
    if (statement.length <= STATEMENT_BYTES_MAX) return statement;
    throw new MeshError('ERR_DELEGATE_MALFORMED', 'the file is too large for a delegate statement');
  } catch (error) {
    if (isMeshError(error) && error.code === 'ERR_DELEGATE_MALFORMED') throw error;
    throw new MeshError('ERR_DELEGATE_MALFORMED', 'the file is no delegate statement');
  }
}

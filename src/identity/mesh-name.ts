import type { Brand } from '../base/brand.ts';
import { MeshError, quoted } from '../base/errors.ts';

/** The name of a mesh: a DNS label that its certificates, messages and requests are bound to. */
export type MeshName = Brand<string, 'MeshName'>;

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** @throws ERR_MESH_NAME */
export function parseMeshName(text: string): MeshName {
  if (!NAME.test(text) || text.endsWith('-'))
    throw new MeshError(
      'ERR_MESH_NAME',
      `mesh name ${quoted(text)} is not a letter and up to 30 letters, digits or inner hyphens, in lower case`,
    );
  return text as MeshName;
}

import { type Node, parseSync, type Program, visitorKeys } from 'oxc-parser';

/** One module as a tree, and the way from an offset in it to a line. */
export interface SourceFile {
  readonly program: Program;
  /** Every module named by `import`, `export … from` and `import()`; `undefined` where it is not a plain string. */
  readonly imports: readonly ImportedModule[];
  lineOf(offset: number): number;
}

export interface ImportedModule {
  readonly specifier: string | undefined;
  /** Imported names; `*` for the namespace or a re-export of everything, `default` for the default export. */
  readonly names: readonly string[];
  readonly offset: number;
}

/** @throws SyntaxError where the text does not parse; its message has the line. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, module, errors } = parseSync(path, text);
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const error = errors[0];
  if (error !== undefined) throw new SyntaxError(`${path}:${lineOf(error.labels[0]?.start ?? 0)}: ${error.message}`);
  const imports: ImportedModule[] = [];
  for (const item of module.staticImports) {
    const names = item.entries.map(({ importName }) => nameOf(importName));
    imports.push({ specifier: item.moduleRequest.value, names, offset: item.start });
  }
  for (const item of module.staticExports) {
    const from = item.entries.find(({ moduleRequest }) => moduleRequest !== null);
    if (from?.moduleRequest == null) continue;
    const names = item.entries.map(({ importName }) => nameOf(importName));
    imports.push({ specifier: from.moduleRequest.value, names, offset: item.start });
  }
  for (const { start, moduleRequest } of module.dynamicImports) {
    const literal = /^(['"])(.*)\1$/.exec(text.slice(moduleRequest.start, moduleRequest.end));
    imports.push({ specifier: literal?.[2], names: ['*'], offset: start });
  }
  return { program, imports, lineOf };
}

function nameOf(name: { readonly kind: string; readonly name: string | null }): string {
  if (name.kind === 'Name') return name.name ?? '*';
  return name.kind === 'Default' ? 'default' : '*';
}

/** The nodes directly below one, in source order. */
export function childrenOf(node: Node): readonly Node[] {
  const children: Node[] = [];
  for (const key of visitorKeys[node.type] ?? []) {
    const value = (node as unknown as Record<string, unknown>)[key];
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) children.push(child);
  }
  return children;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** A use of a name that nothing in the file declares, with the node around it. */
export interface FreeName {
  readonly name: string;
  readonly node: Node;
  readonly parent: Node;
}

/**
 * Every use, as a value, of a name that the file does not declare in the function around the use or outside it.
 * Blocks count as part of their function, so a name declared in one block hides the global in its neighbours too.
 */
export function freeNamesOf(program: Program): readonly FreeName[] {
  const found: FreeName[] = [];
  const visit = (node: Node, parent: Node, scopes: readonly ReadonlySet<string>[]): void => {
    if (isType(node)) return;
    if (node.type === 'Identifier') {
      if (isReference(node, parent) && !scopes.some((scope) => scope.has(node.name))) {
        found.push({ name: node.name, node, parent });
      }
      return;
    }
    const inner = isFunction(node) ? [...scopes, declaredIn(node)] : scopes;
    for (const child of childrenOf(node)) visit(child, node, inner);
  };
  visit(program, program, [declaredIn(program)]);
  return found;
}

const EXPRESSIONS_WITH_TYPES: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSInstantiationExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
]);

function isType(node: Node): boolean {
  return node.type.startsWith('TS') && !EXPRESSIONS_WITH_TYPES.has(node.type);
}

function isFunction(node: Node): boolean {
  return ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'StaticBlock'].includes(node.type);
}

/** Names bound in a function or module, its blocks included, functions inside it excluded. */
function declaredIn(scope: Node): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: Node): void => {
    if (isType(node)) return;
    switch (node.type) {
      case 'VariableDeclarator':
        addPattern(node.id, names);
        break;
      case 'CatchClause':
        addPattern(node.param, names);
        break;
      case 'ImportSpecifier':
      case 'ImportDefaultSpecifier':
      case 'ImportNamespaceSpecifier':
        names.add(node.local.name);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
      case 'FunctionDeclaration':
      case 'FunctionExpression':
        addPattern(node.id, names);
        break;
      default:
        break;
    }
    if (!isFunction(node)) for (const child of childrenOf(node)) visit(child);
  };
  if ('params' in scope) for (const param of scope.params as readonly Node[]) addPattern(param, names);
  if (scope.type === 'FunctionExpression') addPattern(scope.id, names);
  if (scope.type !== 'Program') names.add('arguments');
  for (const child of childrenOf(scope)) visit(child);
  return names;
}

function addPattern(pattern: Node | null, names: Set<string>): void {
  if (pattern === null || isType(pattern)) return;
  switch (pattern.type) {
    case 'Identifier':
      names.add(pattern.name);
      return;
    case 'AssignmentPattern':
      addPattern(pattern.left, names);
      return;
    case 'Property':
      addPattern(pattern.value, names);
      return;
    default:
      for (const child of childrenOf(pattern)) addPattern(child, names);
  }
}

/** Whether an identifier is a use of a variable, and not the name of a member, a key, a label or a specifier. */
function isReference(node: Node, parent: Node): boolean {
  switch (parent.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed;
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
    case 'AccessorProperty':
      return parent.value === node || parent.computed;
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'ImportSpecifier':
    case 'ImportAttribute':
    case 'ExportSpecifier':
    case 'ExportAllDeclaration':
    case 'MetaProperty':
      return false;
    default:
      return true;
  }
}

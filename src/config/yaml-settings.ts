import { type Fail, type Token, type TokenKind, YamlScanner } from './yaml-scanner.js';

/** A setting as read from YAML. */
export interface YamlSetting {
  /** Its dotted name. */
  readonly name: string;
  readonly value: string | readonly string[];
  /** The offsets of its value in the text. */
  readonly at: number;
  readonly end: number;
}

/** The maximum nesting of maps and lists, as in the server's parser. */
const DEPTH_LIMIT = 1000;
/** The maximum length of all names in total, in characters: each setting of a map repeats the key of the map. */
const NAMES_LIMIT = 64 * 1024 * 1024;

const NULL = /^(?:|~|null|Null|NULL)$/;
const BOOLEAN = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const TAGGED_BOOLEAN = /^(?:y|n|yes|no|true|false|on|off)$/i;
const TRUE = /^(?:y|yes|true|on)$/i;
/** A text tagged as an integer that is only a sign, or begins like a number of another base. */
const NO_INTEGER =
  /^[+-]$|^[+-]?0(?:[bB](?!_*[+-]?[01_]*[01]_*$)|[xX](?!_*[+-]?[\da-fA-F_]*[\da-fA-F]_*$)|(?=[\d_])(?![0-7_]*[0-7]_*$))/;
const STANDARD_TAG = 'tag:yaml.org,2002:';

/**
 * Reads settings from YAML as the server does: maps become dotted names, scalars keep their text except booleans of
 * YAML 1.1, lists contain scalars only, and an alias is not resolved: its value is its name.
 *
 * @param fail called for a text that the server refuses; the reason contains no part of the text
 * @returns the settings in their order; if a name occurs twice, by different nesting, the last one counts
 */
export function readYamlSettings(text: string, fail: Fail): YamlSetting[] {
  return new SettingsReader(new YamlScanner(text, fail), fail).read();
}

class SettingsReader {
  readonly #scanner: YamlScanner;
  readonly #fail: Fail;
  readonly #settings: YamlSetting[] = [];
  readonly #tagPrefixes = new Map<string, string>();
  #namesLength = 0;

  constructor(scanner: YamlScanner, fail: Fail) {
    this.#scanner = scanner;
    this.#fail = fail;
  }

  read(): YamlSetting[] {
    this.#readDirectives();
    if (this.#isNext('end of stream')) return [];
    if (this.#isNext('---')) this.#scanner.next();
    this.#readProperties();
    if (!this.#isNext('block map', '{')) this.#failHere('it contains no settings');
    this.#readMap('', 1);
    while (this.#isNext('...')) this.#scanner.next();
    this.#readDirectives();
    if (!this.#isNext('end of stream')) this.#failHere('more than one document');
    return this.#settings;
  }

  #readDirectives(): void {
    let version = false;
    this.#tagPrefixes.clear();
    const directives = this.#isNext('directive');
    while (this.#isNext('directive')) {
      const { text, values: [first = '', prefix = ''] = [], at } = this.#scanner.next();
      if (text === 'YAML') {
        if (version || first !== '1') this.#fail('an invalid directive', at);
        version = true;
      } else if (text === 'TAG') {
        if (this.#tagPrefixes.has(first)) this.#fail('an invalid directive', at);
        this.#tagPrefixes.set(first, prefix);
      }
    }
    if (directives && !this.#isNext('---', 'end of stream')) this.#failHere('a directive without a document');
  }

  #readMap(prefix: string, depth: number): void {
    if (depth > DEPTH_LIMIT) this.#failHere(`it is nested more than ${DEPTH_LIMIT} levels deep`);
    const isFlow = this.#scanner.next().kind === '{';
    const [end, ends]: [TokenKind, TokenKind[]] = isFlow
      ? ['}', ['value', ',', '}']]
      : ['block end', ['key', 'value', 'block end']];
    const names = new Set<string>();
    for (let first = true; !this.#isNext(end); first = false) {
      if (isFlow && !first) this.#expect(',', 'a comma or a closing bracket is missing');
      if (this.#isNext(end)) break;
      const { at } = this.#expect('key', 'a key is missing');
      const name = this.#isNext(...ends) ? '' : this.#readName(at);
      if (names.has(name)) this.#fail('duplicate key', at);
      names.add(name);
      if (this.#isNext('value')) {
        const colon = this.#scanner.next();
        if (this.#isNext(...ends)) this.#fail('null-valued setting found', colon.end);
      } else if (isFlow || !this.#isNext('scalar')) {
        // A scalar without a colon is a value, too: `? a`, with `|` on the next line.
        this.#failHere('null-valued setting found');
      }
      this.#readValue(prefix + name, isFlow, depth);
    }
    this.#scanner.next();
  }

  #readName(at: number): string {
    const tag = this.#readProperties();
    if (this.#isNext('scalar')) return this.#scanner.next().text;
    return tag !== undefined && this.#isNext('value') ? '' : this.#fail('a key that is not text', at);
  }

  #readValue(name: string, inFlow: boolean, depth: number): void {
    this.#namesLength += name.length;
    if (this.#namesLength > NAMES_LIMIT)
      this.#failHere(`the names of the settings are longer than ${NAMES_LIMIT} characters in total`);
    const properties = this.#readProperties();
    if (this.#isNext('{') || (!inFlow && this.#isNext('block map'))) {
      this.#readMap(`${name}.`, depth + 1);
      return;
    }
    if (this.#isNext('[') || (!inFlow && this.#isNext('block list', '-'))) {
      const { at } = this.#scanner.peek();
      const value = this.#readList(depth + 1);
      this.#settings.push({ name, value, at, end: this.#scanner.peek().at });
    } else {
      const scalar = this.#readScalar(properties, 'a value is missing');
      const { text, at, end } = scalar;
      if (isNull(scalar, properties)) this.#fail('null-valued setting found', at);
      const value = isBoolean(scalar, properties) ? String(TRUE.test(text)) : text;
      this.#settings.push({ name, value, at, end });
    }
  }

  #readList(depth: number): string[] {
    if (depth > DEPTH_LIMIT) this.#failHere(`it is nested more than ${DEPTH_LIMIT} levels deep`);
    const { kind } = this.#scanner.peek();
    const values: string[] = [];
    if (kind !== '-') this.#scanner.next();
    const end: TokenKind = kind === '[' ? ']' : 'block end';
    while (kind === '-' ? this.#isNext('-') : !this.#isNext(end)) {
      if (kind === '[') {
        if (values.length > 0) this.#expect(',', 'a comma or a closing bracket is missing');
        if (this.#isNext(end)) break;
      } else {
        this.#expect('-', 'a list item is missing');
      }
      const properties = this.#readProperties();
      const scalar = this.#readScalar(properties, 'only values are allowed in a list');
      if (isNull(scalar, properties)) this.#fail('null in a list', scalar.at);
      values.push(scalar.text);
    }
    if (kind !== '-') this.#scanner.next();
    return values;
  }

  /** Reads the tag and the anchor before a node: its tag, '' for only an anchor, undefined if there is neither. */
  #readProperties(): string | undefined {
    let tag: string | undefined;
    let anchored = false;
    for (;;) {
      if (this.#isNext('anchor') && !anchored) {
        anchored = true;
        this.#scanner.next();
      } else if (this.#isNext('tag') && tag === undefined) {
        tag = this.#resolveTag(this.#scanner.next());
      } else {
        return tag ?? (anchored ? '' : undefined);
      }
    }
  }

  #resolveTag({ handle, text, at }: Token): string {
    if (handle === undefined) return text;
    const standard = handle === '!' ? '!' : handle === '!!' ? STANDARD_TAG : undefined;
    return (this.#tagPrefixes.get(handle) ?? standard ?? this.#fail('an unknown tag', at)) + text;
  }

  /** Reads a scalar or an alias; after a tag or an anchor, nothing counts as an empty scalar. */
  #readScalar(properties: string | undefined, otherwise: string): Token {
    const token = this.#scanner.peek();
    if (token.kind === 'scalar' || (token.kind === 'alias' && properties === undefined)) {
      const type = typeOf(properties);
      if (type === 'binary') this.#fail('binary data', token.at);
      if (type === 'int' && NO_INTEGER.test(token.text)) this.#fail('an invalid integer', token.at);
      return this.#scanner.next();
    }
    if (properties === undefined) this.#fail(otherwise, token.at);
    if (typeOf(properties) === 'binary') this.#fail('binary data', token.at);
    return { kind: 'scalar', at: token.at, end: token.at, text: '', plain: true };
  }

  #isNext(...kinds: TokenKind[]): boolean {
    return kinds.includes(this.#scanner.peek().kind);
  }

  #expect(kind: TokenKind, otherwise: string): Token {
    return this.#isNext(kind) ? this.#scanner.next() : this.#failHere(otherwise);
  }

  #failHere(reason: string): never {
    return this.#fail(reason, this.#scanner.peek().at);
  }
}

/** The name of a standard tag; any other tag as it is; undefined if the type follows from the scalar's text. */
function typeOf(tag: string | undefined): string | undefined {
  if (tag === undefined || tag === '' || tag === '!') return undefined;
  return tag.startsWith(STANDARD_TAG) ? tag.slice(STANDARD_TAG.length).split(',')[0] : tag;
}

function isNull({ kind, text, plain }: Token, tag: string | undefined): boolean {
  const type = typeOf(tag);
  if (type !== undefined) return type === 'null' && text !== '';
  return kind === 'scalar' && (plain || tag === '!') && text.length <= 4 && NULL.test(text);
}

function isBoolean({ kind, text, plain }: Token, tag: string | undefined): boolean {
  const type = typeOf(tag);
  if (type !== undefined) return type === 'bool' && TAGGED_BOOLEAN.test(text);
  return kind === 'scalar' && (plain || tag === '!') && text.length <= 5 && BOOLEAN.test(text);
}

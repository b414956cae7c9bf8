/** The pages beside the reader's: each is loaded only for whoever goes there. */
export const desks = ['check', 'owner', 'registrar', 'supplier', 'manufacturer'] as const;
export type Desk = (typeof desks)[number];
/** The pages on which somebody signs in with a key. */
export type SignedDesk = Exclude<Desk, 'check'>;

/** What the page's address says. A VIN that the page puts there itself goes behind `#`, which no host is ever sent. */
export type Place = {
  /** The page of the owner, the registrar or another; else the reader's. */
  readonly desk: Desk | null;
  /** The identifier to show, as the address has it; on the page that checks parts also a part's code. */
  readonly id: string | null;
  /** Another service than the page's own host, as a link proposes it. */
  readonly api: string | null;
  readonly language: string | null;
};

const fragmentOf = (hash: string): { desk: Desk | null; fragment: URLSearchParams } => {
  // What a part's code holds: `#check=VN1.…`, short for whoever prints it.
  const [, code] = /^#check=([^&]*)$/.exec(hash) ?? [];
  if (code !== undefined) return { desk: 'check', fragment: new URLSearchParams({ id: decoded(code) }) };
  const [, path, rest = ''] = /^#\/(\w+)(?:[?&](.*))?$/s.exec(hash) ?? [];
  const desk = desks.find((known) => known === path) ?? null;
  return { desk, fragment: new URLSearchParams(desk === null ? hash.replace(/^#/, '') : rest) };
};

/** As it stands where it is not percent-encoded rightly: what it is worth shows later. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Reads `?id=…` as a link from elsewhere has it, and `#id=…` or `#/owner?id=…`, which come first. */
export function readPlace(href: string): Place {
  const { searchParams, hash } = new URL(href);
  const { desk, fragment } = fragmentOf(hash);
  const get = (name: string): string | null => {
    const value = fragment.get(name) ?? searchParams.get(name);
    return value === null || value.trim() === '' ? null : value.trim().slice(0, 2000);
  };
  return { desk, id: get('id'), api: get('api'), language: get('lang') };
}

/** The serial whose place in the batch that the address names is to be proven: `#id=batch:…&serial=…`. */
export function readMember(href: string): string | null {
  const { searchParams, hash } = new URL(href);
  const value = (fragmentOf(hash).fragment.get('serial') ?? searchParams.get('serial') ?? '').trim();
  return value === '' ? null : value.slice(0, 256);
}

/** What a link opens to whoever holds it: a vehicle's report, or an alert of a supplier. */
export type Opened = { readonly of: 'share' | 'alert'; readonly token: string };

/** The token of a link, and the address without it: it must not stay where others can read it. */
export function takeToken(href: string): (Opened & { readonly address: string }) | null {
  const url = new URL(href);
  const { desk, fragment } = fragmentOf(url.hash);
  const of = (['share', 'alert'] as const).find((name) => fragment.has(name));
  if (desk !== null || of === undefined) return null;
  const token = (fragment.get(of) ?? '').trim().slice(0, 2000);
  fragment.delete(of);
  return { of, token, address: withFragment(url, fragment.toString()) };
}

/** The address of a share link on this page. */
export function shareAddress(href: string, token: string): string {
  const url = new URL(href);
  url.searchParams.delete('id');
  url.hash = `#share=${token}`;
  return url.href;
}

/** The address for an identifier, or for the start page. */
export function placeAddress(href: string, id: string | null, desk: Desk | null = null): string {
  const url = new URL(href);
  const { fragment } = fragmentOf(url.hash);
  for (const name of ['id', 'serial']) url.searchParams.delete(name);
  for (const name of ['id', 'serial', 'share', 'alert']) fragment.delete(name);
  if (id !== null) fragment.set('id', id);
  const text = fragment.toString();
  return withFragment(url, desk === null ? text : `/${desk}${text === '' ? '' : `?${text}`}`);
}

function withFragment(url: URL, fragment: string): string {
  const bare = fragment.replaceAll('%3A', ':');
  url.hash = bare === '' ? '' : `#${bare}`;
  return url.href.replace(/#$/, '');
}

/** Where the service answers for an identifier; of a batch with the place of a serial in it. */
export function reportAddress(api: string, identifier: string, member: string | null = null): string {
  const [type = '', scope = '', ...rest] = identifier.split(':');
  const folder = { batch: 'batches', serial: 'serials', software: 'software' }[type];
  const path =
    folder === undefined
      ? `vehicles/${encodeURIComponent(identifier.replace(/^vin:/, ''))}`
      : `${folder}/${encodeURIComponent(scope)}/${encodeURIComponent(rest.join(':'))}`;
  const asked = member === null || type !== 'batch' ? '' : `?serial=${encodeURIComponent(member)}`;
  return `${api}/v1/${path}/report${asked}`;
}

/** An http(s) address without a slash at its end, or null where the text is none. */
export function readBase(text: string): string | null {
  try {
    const url = new URL(text);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
    if (url.username !== '' || url.password !== '') return null;
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  } catch {
    return null;
  }
}

/** Why a browser would not call an endpoint from this page, if it would not. */
export function endpointFault(text: string, pageProtocol: string): 'address' | 'insecure' | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'address';
  }
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'address';
  const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return pageProtocol === 'https:' && !local ? 'insecure' : null;
}

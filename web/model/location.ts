/** What the page's address says. A VIN that the page puts there itself goes behind `#`, which no host is ever sent. */
export type Place = {
  /** The identifier to show, as the address has it. */
  readonly id: string | null;
  /** Another service than the page's own host, as a link proposes it. */
  readonly api: string | null;
  readonly language: string | null;
};

/** Reads `?id=…` as a link from elsewhere has it, and `#id=…`, which comes first. */
export function readPlace(href: string): Place {
  const { searchParams, hash } = new URL(href);
  const fragment = new URLSearchParams(hash.replace(/^#/, ''));
  const get = (name: string): string | null => {
    const value = fragment.get(name) ?? searchParams.get(name);
    return value === null || value.trim() === '' ? null : value.trim().slice(0, 2000);
  };
  return { id: get('id'), api: get('api'), language: get('lang') };
}

/** The address for an identifier, or for the start page. */
export function placeAddress(href: string, id: string | null): string {
  const url = new URL(href);
  const fragment = new URLSearchParams(url.hash.replace(/^#/, ''));
  url.searchParams.delete('id');
  fragment.delete('id');
  if (id !== null) fragment.set('id', id);
  const text = fragment.toString().replaceAll('%3A', ':');
  url.hash = text === '' ? '' : `#${text}`;
  return url.href.replace(/#$/, '');
}

/** Where the service answers for an identifier. */
export function reportAddress(api: string, identifier: string): string {
  const [type = '', scope = '', ...rest] = identifier.split(':');
  const folder = { batch: 'batches', serial: 'serials', software: 'software' }[type];
  const path =
    folder === undefined
      ? `vehicles/${encodeURIComponent(identifier.replace(/^vin:/, ''))}`
      : `${folder}/${encodeURIComponent(scope)}/${encodeURIComponent(rest.join(':'))}`;
  return `${api}/v1/${path}/report`;
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

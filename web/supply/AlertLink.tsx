export function AlertLink({ api }: { readonly api: string; readonly token: string }) {
  return <p className="breakable">{api}</p>;
}

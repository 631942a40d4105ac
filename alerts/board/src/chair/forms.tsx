/** What is given and done: doses, cuffs, interventions. One form per thing, large targets, sensible values already there.
 *
 * A form makes a draft in the wire's own fields and hands it up; it sends nothing. `start` holds a wrong entry's fields, for
 * correction.
 */

import { CUFF, DRUGS, ROUTES } from "../tables";
import { useField } from "./begun";
import { perKg } from "./checks";
import { about, badNumber, Choice, Field, Form, type FormProps, present, str, typed } from "./parts";
import { fromKg } from "./weight";
import { useWeightUnit } from "./weight_unit";

export function DoseForm({ sitting, start, registration, enter }: FormProps) {
  const [drug, setDrug] = useField("drug", str(start?.["drug"]) || sitting.drug || "ketamine");
  const [route, setRoute] = useField("route", str(start?.["route"]) || sitting.route || "iv");
  const [mg, setMg] = useField("mg", start ? str(start["amount_mg"]) : str(sitting.plannedMg ?? ""));
  const [minutes, setMinutes] = useField("minutes", start ? str(start["minutes"]) : str(sitting.plannedMinutes ?? ""));
  const [lot, setLot] = useField("lot", "");
  // The REMS form asks for the lot of the devices; it is entered beside the dose, and once.
  const asksLot = start === null && drug === "esketamine" && route === "intranasal";
  const [unit] = useWeightUnit();
  const weightKg = registration?.weight_kg ?? null;
  const problem = drug.trim() === "" ? "Drug is missing." : badNumber(mg, "Amount", 0, 2000) ?? badNumber(minutes, "Minutes", 0, 600);
  return (
    <Form problem={problem} words={`Dose given${typed(mg) === null ? "" : ` · ${typed(mg)} mg`}`} submit={() => enter({
      kind: "dose", ...about(sitting), drug: drug.trim(), ...present({ route, amount_mg: typed(mg), minutes: typed(minutes) }),
    }, asksLot && lot.trim() !== "" ? { before: [{ kind: "intervention", ...about(sitting), what: "lot", detail: lot.trim() }] } : {})}>
      <div class="fields">
        <Field label="Amount" unit="mg" name="amount_mg" value={mg} set={setMg} numeric />
        <Field label="Over" unit="minutes" name="minutes" value={minutes} set={setMinutes} numeric />
        {asksLot && <Field label="Lot" unit="of the devices" name="lot" value={lot} set={setLot} />}
        <Field label="Drug" name="drug" value={drug} set={setDrug} list={DRUGS.map(([v]) => v)} />
      </div>
      <p class="weight" data-testid="per-kg">
        {weightKg === null ? "No weight is registered: mg/kg is not known." : typed(mg) === null ? `Weight ${fromKg(weightKg, unit)} ${unit}` : <><strong>{perKg(typed(mg) ?? 0, weightKg)}</strong> at {fromKg(weightKg, unit)} {unit}</>}
      </p>
      <Choice label="Route" name="route" options={ROUTES} value={route} set={setRoute} />
    </Form>
  );
}

export function StopForm({ sitting, start, enter }: FormProps) {
  const [mg, setMg] = useField("given", str(start?.["given_mg"]));
  return (
    <Form problem={badNumber(mg, "Amount", 0, 2000)} words="Dose stopped" submit={() => enter({ kind: "dose.stopped", ...about(sitting), ...present({ given_mg: typed(mg) }) })}>
      <div class="fields"><Field label="Given until now" unit="mg, if known" name="given_mg" value={mg} set={setMg} numeric /></div>
    </Form>
  );
}

export function CuffForm({ sitting, start, enter }: FormProps) {
  const [sbp, setSbp] = useField("sbp", str(start?.["sbp"]));
  const [dbp, setDbp] = useField("dbp", str(start?.["dbp"]));
  const high = typed(sbp);
  const low = typed(dbp);
  const problem =
    high === null || low === null ? "Enter both numbers."
    : badNumber(sbp, CUFF.sbp.short, CUFF.sbp.lowest, CUFF.sbp.highest) ?? badNumber(dbp, CUFF.dbp.short, CUFF.dbp.lowest, CUFF.dbp.highest) ?? (low >= high ? "Systolic must be above diastolic." : null);
  return (
    <Form problem={problem} words="Enter pressure" submit={() => enter({ kind: "vitals", ...about(sitting), sbp: high, dbp: low })}>
      <div class="fields">
        <Field label={CUFF.sbp.short} unit={CUFF.sbp.unit} name="sbp" value={sbp} set={setSbp} numeric />
        <Field label={CUFF.dbp.short} unit={CUFF.dbp.unit} name="dbp" value={dbp} set={setDbp} numeric />
      </div>
    </Form>
  );
}

const INTERVENTIONS = ["oxygen", "stimulation", "airway opened", "reassurance", "labetalol", "midazolam", "ondansetron", "physician called", "serious adverse event"] as const;

export function InterventionForm({ sitting, start, enter }: FormProps) {
  const [what, setWhat] = useField("what", str(start?.["what"]));
  const [detail, setDetail] = useField("detail", str(start?.["detail"]));
  return (
    <Form problem={what.trim() === "" ? "Choose or write what was done." : null} words="Enter intervention"
      submit={() => enter({ kind: "intervention", ...about(sitting), what: what.trim(), ...present({ detail: detail.trim() }) })}>
      <Choice label="What was done" name="intervention" options={INTERVENTIONS.map((v) => [v.replaceAll(" ", "-"), v.replace(/^./, (c) => c.toUpperCase())] as const)} value={what.replaceAll(" ", "-")}
        set={(v) => setWhat(v.replaceAll("-", " "))} />
      <div class="fields">
        <Field label="Or in your words" name="what" value={(INTERVENTIONS as readonly string[]).includes(what) ? "" : what} set={setWhat} />
        <Field label="Detail" unit="dose, flow, effect" name="detail" value={detail} set={setDetail} />
      </div>
    </Form>
  );
}

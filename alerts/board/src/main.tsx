/** The pages and where they live: "/" board, "/chair" and "/chair/:chair", "/alert/:id", "/oncall", "/clinic", "/rules", "/patient/:alias", "/audit", "/welcome". Links load a page anew: each is small. */

import "uplot/dist/uPlot.min.css";
import "./style.css";
import "./desk.css";
import "./chair.css";
import "./session.css";

import { render } from "preact";

import { askMe, sayWhenSomebodyIsHere, SignIn, Welcome } from "./access";
import { AuditPage } from "./audit/audit_page";
import { AlertPage } from "./alert/alert_page";
import { Board } from "./board/board";
import { ignoreBounces } from "./bounce";
import { ChairPage } from "./chair/chair_page";
import { PatientEntryPage } from "./chair/patient_entry";
import { ChairList } from "./chair/chair_list";
import { ClinicPage } from "./clinic/clinic_page";
import { listen } from "./feed";
import { ElsewherePage } from "./glass/elsewhere_page";
import { of } from "./here";
import { LockBar, watchLock } from "./locked";
import { watchOnCall } from "./oncall/heard";
import { OnCallPage } from "./oncall/on_call_page";
import { PatientPage } from "./patient/patient_page";
import { followRoom, keepFiles, stayOn } from "./room";
import { RulesPage } from "./rules/rules_page";
import { SessionPage } from "./session/session_page";
import { startSending } from "./sending";
import { askSite } from "./site";

function Page() {
  const [, first, second] = location.pathname.split("/");
  if (first === "chair") return second ? <ChairPage name={decodeURIComponent(second)} /> : <ChairList />;
  if (first === "session" && second) return of === null ? <SessionPage name={decodeURIComponent(second)} /> : <ElsewherePage alias={null} of={of} />;
  if (first === "enter" && second) return <PatientEntryPage alias={decodeURIComponent(second)} />;
  if (first === "alert" && second) return <AlertPage id={decodeURIComponent(second)} />;
  if (first === "oncall") return <OnCallPage />;
  if (first === "audit") return <AuditPage />;
  if (first === "clinic") return <ClinicPage />;
  if (first === "rules") return <RulesPage />;
  if (first === "patient" && second) return of === null ? <PatientPage alias={decodeURIComponent(second)} /> : <ElsewherePage alias={decodeURIComponent(second)} of={of} />;
  return <Board />;
}

const root = document.getElementById("page");
if (root && location.pathname === "/welcome") {
  root.replaceChildren();
  render(<Welcome />, root);
} else if (root) {
  root.replaceChildren();
  render(<><Page /><LockBar /><SignIn /></>, root);
  followRoom();
  void askMe();
  sayWhenSomebodyIsHere();
  watchLock();
  void askSite();
  listen();
  watchOnCall();
  ignoreBounces();
  startSending();
  keepFiles();
  stayOn();
}

//! The lifecycles themselves: an enum per kind, the table of its moves and the record of an answer, from one text.

use super::{
    ApplicationDetails, By, IntakeDetails, Lifecycle, MatterDocument, MatterKind, MatterReason, MatterStep, Move,
    OrderDetails, PayoutDetails, State, TaxReturnDetails, TicketDetails, TransferDetails,
};
use crate::time::{Span, Timestamp};
use crate::{record, words};

/// States and moves of one kind.
macro_rules! lifecycle {
    (
        $Kind:ident at $plural:literal in $scope:literal as $States:ident, $TABLE:ident {
            $($State:ident = $word:literal, $ru:literal / $en:literal;)+
        }
        moves { $($name:literal: $From:ident -> $To:ident by $By:ident $(after $after:expr)?;)+ }
    ) => {
        words! {
            /// The states, in the order of a life.
            pub enum $States { $($State = $word, $ru / $en;)+ }
        }

        /// States and moves.
        pub const $TABLE: Lifecycle = Lifecycle {
            kind: MatterKind::$Kind,
            plural: $plural,
            scope: $scope,
            states: &[$(State { name: $word, ru: $ru, en: $en }),+],
            moves: &[$(Move {
                kind: MatterKind::$Kind,
                name: $name,
                from: $States::$From.as_str(),
                to: $States::$To.as_str(),
                by: By::$By,
                after: lifecycle!(@after $($after)?),
            }),+],
        };
    };
    (@after) => { None };
    (@after $after:expr) => { Some($after) };
}

/// The answer about a matter of one kind.
macro_rules! answer {
    ($Name:ident($name:literal, $ru:literal / $en:literal), $States:ident, $Details:ident, $List:ident($list:literal)) => {
        record! {
            pub struct $List($list, $ru / $en) {
                items: Vec<$Name>, "Список" / "The newest first";
            }
        }

        record! {
            pub struct $Name($name, $ru / $en) {
                id: String, "Номер на портале" / "The portal's id";
                kind: MatterKind, "Вид" / "Kind of matter";
                state: $States, v2 "status", "Состояние" / "Where it stands";
                created_at: Timestamp, v2 "opened_at", "Начато" / "When it was opened";
                changed_at: Timestamp, v2 "updated_at", "Изменено" / "When it came to this state";
                due: Option<Timestamp>, v2 "next_change_at", "Срок" / "When it moves on by itself or runs out";
                number: Option<String>, "Регистрационный номер" / "Registration number";
                details: $Details, "Подробности" / "What it is about";
                history: Vec<MatterStep>, "История" / "Every state so far, oldest first";
                documents: Vec<MatterDocument>, "Документы" / "Issued in this matter";
                reason: Option<MatterReason>, "Причина" / "Why it was turned down";
            }
        }
    };
}

/// Every lifecycle, in the order of [`MatterKind`].
pub const LIFECYCLES: &[&Lifecycle] =
    &[&APPLICATION, &INTAKE, &ORDER, &PAYMENT, &PAYOUT, &TAX_RETURN, &TICKET, &TRANSFER];

const AT_ONCE: Span = Span::ZERO;
const SOON: Span = Span::from_minutes(1);

lifecycle! {
    Application at "applications" in "applications" as ApplicationState, APPLICATION {
        Draft = "draft", "Черновик" / "Draft";
        Registered = "registered", "Зарегистрировано" / "Registered";
        InReview = "in_review", "На рассмотрении" / "In review";
        NeedsCorrection = "needs_correction", "Требуются исправления" / "Needs correction";
        Overdue = "overdue", "Срок рассмотрения истёк" / "Overdue";
        Approved = "approved", "Одобрено" / "Approved";
        Declined = "declined", "Отклонено" / "Declined";
        Withdrawn = "withdrawn", "Отозвано" / "Withdrawn";
        Refused = "refused", "Не подтверждено" / "Not confirmed";
    }
    moves {
        "confirm": Draft -> Registered by Citizen;
        "refuse": Draft -> Refused by Portal;
        "take": Registered -> InReview by Bank;
        "expire": Registered -> Overdue by Portal after Span::from_days(3);
        "take": Overdue -> InReview by Bank;
        "ask": InReview -> NeedsCorrection by Bank;
        "correct": NeedsCorrection -> InReview by Citizen;
        "decide": InReview -> Approved by Bank;
        "decide": InReview -> Declined by Bank;
        "withdraw": Draft -> Withdrawn by Citizen;
        "withdraw": Registered -> Withdrawn by Citizen;
        "withdraw": InReview -> Withdrawn by Citizen;
        "withdraw": NeedsCorrection -> Withdrawn by Citizen;
        "withdraw": Overdue -> Withdrawn by Citizen;
    }
}
answer!(
    ApplicationMatter("application", "Заявление в банк" / "Application to the bank"),
    ApplicationState,
    ApplicationDetails,
    ApplicationList("applications")
);

lifecycle! {
    Intake at "intakes" in "documents" as IntakeState, INTAKE {
        Received = "received", "Получено" / "Received";
        Checked = "checked", "Проверено" / "Checked";
        Accepted = "accepted", "Принято" / "Accepted";
        Rejected = "rejected", "Отклонено" / "Rejected";
    }
    moves {
        "check": Received -> Checked by Portal after SOON;
        "accept": Checked -> Accepted by Portal after SOON;
        "reject": Received -> Rejected by Portal;
        "reject": Checked -> Rejected by Portal;
    }
}
answer!(
    IntakeMatter("intake", "Приём документов" / "Intake of documents"),
    IntakeState,
    IntakeDetails,
    IntakeList("intakes")
);

lifecycle! {
    Order at "orders" in "certificates" as OrderState, ORDER {
        Placed = "placed", "Ожидает подтверждения" / "Awaits confirmation";
        Confirmed = "confirmed", "Подтверждён" / "Confirmed";
        InWork = "in_work", "В работе" / "In work";
        Ready = "ready", "Готов" / "Ready";
        Delivered = "delivered", "Получен" / "Delivered";
        Cancelled = "cancelled", "Отменён" / "Cancelled";
        Expired = "expired", "Не подтверждён вовремя" / "Not confirmed in time";
        Refused = "refused", "Отказано" / "Refused";
    }
    moves {
        "confirm": Placed -> Confirmed by Citizen;
        "unattended": Placed -> Confirmed by Portal;
        "cancel": Placed -> Cancelled by Bank;
        "expire": Placed -> Expired by Portal after Span::from_minutes(15);
        "refuse": Placed -> Refused by Portal;
        "start": Confirmed -> InWork by Portal after AT_ONCE;
        "issue": InWork -> Ready by Portal after Span::from_minutes(2);
        "refuse": InWork -> Refused by Portal;
        "deliver": Ready -> Delivered by Bank;
    }
}
answer!(
    OrderMatter("order", "Заказ справки или выписки" / "Order of a certificate or extract"),
    OrderState,
    OrderDetails,
    OrderList("orders")
);

lifecycle! {
    Payment at "payments" in "duties" as PaymentState, PAYMENT {
        Accepted = "accepted", "Принят" / "Accepted";
        Checking = "checking", "На дополнительной проверке" / "Under an extra check";
        Settled = "settled", "Исполнен" / "Settled";
        Returned = "returned", "Возвращён" / "Returned";
        Reversed = "reversed", "Отозван" / "Reversed";
    }
    moves {
        "check": Accepted -> Checking by Portal;
        "settle": Accepted -> Settled by Portal after Span::from_seconds(2);
        "settle": Checking -> Settled by Portal after SOON;
        "return": Accepted -> Returned by Portal;
        "return": Checking -> Returned by Portal;
        "return": Settled -> Returned by Portal;
        "reverse": Accepted -> Reversed by Bank;
        "reverse": Checking -> Reversed by Bank;
    }
}

lifecycle! {
    Payout at "payouts" in "transfers" as PayoutState, PAYOUT {
        Requested = "requested", "Ожидает подтверждения" / "Awaits confirmation";
        Sent = "sent", "Отправлен" / "Sent";
        Paid = "paid", "Зачислен" / "Paid";
        Failed = "failed", "Не исполнен" / "Failed";
        Returned = "returned", "Деньги возвращены" / "Money returned";
        Expired = "expired", "Не подтверждён вовремя" / "Not confirmed in time";
        Refused = "refused", "Отказано" / "Refused";
    }
    moves {
        "confirm": Requested -> Sent by Citizen;
        "expire": Requested -> Expired by Portal after Span::from_minutes(15);
        "refuse": Requested -> Refused by Portal;
        "pay": Sent -> Paid by Portal after SOON;
        "fail": Sent -> Failed by Portal;
        "return": Failed -> Returned by Portal after AT_ONCE;
    }
}
answer!(
    PayoutMatter("payout", "Вывод на карту" / "Payout to a card"),
    PayoutState,
    PayoutDetails,
    PayoutList("payouts")
);

lifecycle! {
    TaxReturn at "returns" in "tax" as TaxReturnState, TAX_RETURN {
        Filed = "filed", "Подана" / "Filed";
        Checked = "checked", "Проверена" / "Checked";
        Accepted = "accepted", "Принята" / "Accepted";
        Rejected = "rejected", "Отклонена" / "Rejected";
    }
    moves {
        "check": Filed -> Checked by Portal after SOON;
        "accept": Checked -> Accepted by Portal after SOON;
        "reject": Checked -> Rejected by Portal;
        "correct": Rejected -> Filed by Bank;
    }
}
answer!(
    TaxReturnMatter("tax_return", "Налоговая декларация" / "Tax return"),
    TaxReturnState,
    TaxReturnDetails,
    TaxReturnList("returns")
);

lifecycle! {
    Ticket at "tickets" in "feedback" as TicketState, TICKET {
        Opened = "opened", "Открыто" / "Opened";
        Routed = "routed", "Передано в подразделение" / "Routed";
        Answered = "answered", "Дан ответ" / "Answered";
        Reopened = "reopened", "Открыто повторно" / "Reopened";
        Closed = "closed", "Закрыто" / "Closed";
    }
    moves {
        "route": Opened -> Routed by Portal after AT_ONCE;
        "answer": Routed -> Answered by Portal after SOON;
        "close": Answered -> Closed by Citizen;
        "reopen": Answered -> Reopened by Citizen;
        "route": Reopened -> Routed by Portal after AT_ONCE;
    }
}
answer!(TicketMatter("ticket", "Обращение" / "Ticket"), TicketState, TicketDetails, TicketList("tickets"));

lifecycle! {
    Transfer at "transfers" in "transfers" as TransferState, TRANSFER {
        Accepted = "accepted", "Принят" / "Accepted";
        Sent = "sent", "Отправлен" / "Sent";
        Credited = "credited", "Зачислен" / "Credited";
        Rejected = "rejected", "Отклонён" / "Rejected";
        Returned = "returned", "Возвращён" / "Returned";
    }
    moves {
        "send": Accepted -> Sent by Portal after AT_ONCE;
        "credit": Sent -> Credited by Portal after SOON;
        "reject": Sent -> Rejected by Portal;
        "reverse": Credited -> Returned by Bank;
    }
}
answer!(TransferMatter("transfer", "Перевод" / "Transfer"), TransferState, TransferDetails, TransferList("transfers"));

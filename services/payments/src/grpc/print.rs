//! Values to wire.

use proto::lyceum::{payments::v1 as pb, values::v1::Money as MoneyPb};
use values::Money;

use crate::domain::{
    Attempt, Entitlement, Grant, Order, Price, Product, PromoCode, Refund, attempt, entitlement, order, product,
    promo::{self, Discount},
    refund,
};
use crate::store::export::{ExportedOrder, ExportedRefund};

pub(super) fn money(amount: Money) -> MoneyPb {
    MoneyPb { minor: amount.minor(), currency: amount.currency().as_str().to_owned() }
}

pub(super) fn product<'a>(product: Product, prices: impl IntoIterator<Item = &'a Price>) -> pb::Product {
    let state = match product.state {
        product::State::Active => pb::product::State::Active,
        product::State::Archived => pb::product::State::Archived,
    };
    pb::Product {
        product_id: product.id.to_string(),
        etag: product::etag(product.version),
        title: product.title,
        description: product.description,
        grants: product.grants.into_iter().map(grant).collect(),
        prices: prices.into_iter().map(price).collect(),
        state: state.into(),
        created_at: Some(product.created_at.into()),
        updated_at: Some(product.updated_at.into()),
    }
}

fn grant(grant: Grant) -> pb::Grant {
    pb::Grant {
        run_id: grant.run.to_string(),
        course_id: grant.course.to_string(),
        title: grant.title,
        access_duration: grant.access.map(|access| access.get().into()),
    }
}

pub(super) fn price(price: &Price) -> pb::Price {
    pb::Price {
        price_id: price.id.to_string(),
        product_id: price.product.to_string(),
        amount: Some(money(price.amount)),
        starts_at: Some(price.starts_at.into()),
        ends_at: price.ends_at.map(Into::into),
        created_at: Some(price.created_at.into()),
    }
}

pub(super) fn promo_code(promo: PromoCode) -> pb::PromoCode {
    let state = match promo.state {
        promo::State::Active => pb::promo_code::State::Active,
        promo::State::Disabled => pb::promo_code::State::Disabled,
    };
    let discount = match promo.discount {
        Discount::Percent(points) => {
            pb::promo_code::Discount::PercentBasisPoints(i32::try_from(points.get()).unwrap_or_default())
        }
        Discount::Amount(amount) => pb::promo_code::Discount::Amount(money(amount)),
    };
    pb::PromoCode {
        promo_code_id: promo.id.to_string(),
        code: promo.code.as_str().to_owned(),
        discount: Some(discount),
        starts_at: Some(promo.starts_at.into()),
        ends_at: promo.ends_at.map(Into::into),
        max_uses: promo.max_uses.get(),
        max_uses_per_buyer: promo.max_uses_per_buyer.get(),
        product_ids: promo.products.iter().map(ToString::to_string).collect(),
        state: state.into(),
        uses: promo.uses,
        etag: product::etag(promo.version),
        created_at: Some(promo.created_at.into()),
    }
}

pub(super) fn order(order: Order) -> pb::Order {
    let state = match order.state {
        order::State::Placed => pb::order::State::Placed,
        order::State::Paid => pb::order::State::Paid,
        order::State::Refunded => pb::order::State::Refunded,
        order::State::Cancelled => pb::order::State::Cancelled,
        order::State::Expired => pb::order::State::Expired,
    };
    pb::Order {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        state: state.into(),
        items: order.items.into_iter().map(item).collect(),
        price: Some(money(order.price)),
        discount: Some(money(order.discount)),
        total: Some(money(order.total)),
        promo_code: order.promo.map(|promo| promo.code).unwrap_or_default(),
        created_at: Some(order.created_at.into()),
        expires_at: Some(order.expires_at.into()),
        paid_at: order.paid_at.map(Into::into),
        ended_at: order.ended_at.map(Into::into),
    }
}

fn item(item: order::Item) -> pb::OrderItem {
    pb::OrderItem {
        product_id: item.product.to_string(),
        title: item.title,
        price: Some(money(item.price)),
        discount: Some(money(item.discount)),
        total: Some(money(item.total)),
        grants: item.grants.into_iter().map(grant).collect(),
    }
}

pub(super) fn payment(attempt: Attempt) -> pb::Payment {
    let (state, failure) = match attempt.state {
        attempt::State::Created | attempt::State::Pending => (pb::payment::State::Pending, None),
        attempt::State::Unknown => (pb::payment::State::Unknown, None),
        attempt::State::Failed(failure) => (pb::payment::State::Failed, Some(failure.as_str())),
        // That the money goes back again shows in the refunds.
        attempt::State::Succeeded | attempt::State::Overpaid => (pb::payment::State::Succeeded, None),
        attempt::State::Mismatched(_) => (pb::payment::State::Mismatched, None),
        attempt::State::Refunded => (pb::payment::State::Refunded, None),
    };
    let provider = match attempt.provider {
        attempt::Provider::Tbank => pb::payment::Provider::Tbank,
    };
    let method = match attempt.method {
        attempt::Method::HostedPage => pb::payment::Method::HostedPage,
    };
    pb::Payment {
        payment_id: attempt.id.to_string(),
        order_id: attempt.order.to_string(),
        state: state.into(),
        provider: provider.into(),
        method: method.into(),
        amount: Some(money(attempt.amount)),
        confirmation_url: attempt.page.filter(|_| attempt.state.is_open()).unwrap_or_default(),
        failure_reason: failure.unwrap_or_default().to_owned(),
        created_at: Some(attempt.created_at.into()),
        updated_at: Some(attempt.updated_at.into()),
    }
}

pub(super) fn refund(refund: Refund) -> pb::Refund {
    let state = match refund.state {
        refund::State::Pending => pb::refund::State::Pending,
        refund::State::Unknown => pb::refund::State::Unknown,
        refund::State::Succeeded => pb::refund::State::Succeeded,
        refund::State::Failed(_) => pb::refund::State::Failed,
    };
    let cause = match refund.cause {
        refund::Cause::Requested => pb::refund::Cause::Requested,
        refund::Cause::Overpaid => pb::refund::Cause::Overpaid,
        refund::Cause::Provider => pb::refund::Cause::Provider,
    };
    pb::Refund {
        refund_id: refund.id.to_string(),
        order_id: refund.order.to_string(),
        payment_id: refund.attempt.map(|attempt| attempt.to_string()).unwrap_or_default(),
        amount: Some(money(refund.amount)),
        failure_reason: refund.state.failure().map_or("", |failure| failure.as_str()).to_owned(),
        reason: refund.reason,
        cause: cause.into(),
        state: state.into(),
        created_at: Some(refund.created_at.into()),
        updated_at: Some(refund.updated_at.into()),
    }
}

pub(super) fn entitlement(entitlement: Entitlement) -> pb::Entitlement {
    let (state, revoked) = match entitlement.state {
        entitlement::State::Active => (pb::entitlement::State::Active, None),
        entitlement::State::Revoked { at, reason } => (pb::entitlement::State::Revoked, Some((at, reason))),
    };
    let (revoked_at, revoked_reason) = revoked.unzip();
    pb::Entitlement {
        entitlement_id: entitlement.id.to_string(),
        order_id: entitlement.order.to_string(),
        learner_id: entitlement.learner.to_string(),
        run_id: entitlement.grant.run.to_string(),
        course_id: entitlement.grant.course.to_string(),
        title: entitlement.grant.title,
        state: state.into(),
        starts_at: Some(entitlement.starts_at.into()),
        ends_at: entitlement.ends_at.map(Into::into),
        revoked_at: revoked_at.map(Into::into),
        revoked_reason: revoked_reason.unwrap_or_default(),
    }
}

pub(super) fn exported_order(order: ExportedOrder) -> pb::ExportedOrder {
    pb::ExportedOrder {
        order_id: order.id.to_string(),
        number: order.number,
        buyer_id: order.buyer.to_string(),
        total: Some(money(order.total)),
        placed_at: Some(order.placed_at.into()),
        paid_at: order.paid_at.map(Into::into),
        refunds: order.refunds.into_iter().map(exported_refund).collect(),
        version: order.version,
    }
}

fn exported_refund(refund: ExportedRefund) -> pb::ExportedRefund {
    pb::ExportedRefund {
        refund_id: refund.id.to_string(),
        amount: Some(money(refund.amount)),
        refunded_at: Some(refund.refunded_at.into()),
    }
}

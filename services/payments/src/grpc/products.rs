//! What is for sale: the shop window, and what managers do with products, prices and promo codes.

use std::{collections::HashMap, collections::HashSet};

use auth::Caller;
use contract::{Call, Page, payments as asked};
use proto::lyceum::payments::v1 as pb;
use rpc::{Fields, Violation, ViolationCode};
use values::{Currency, Id};

use super::{Door, show};
use crate::{
    domain::{
        Price, Product, ProductId, Refusal,
        product::{self, Access, OrderBy, State, amount},
        promo::{self, Discount},
    },
    error::Result,
    flows::{
        self,
        create_product::{CreateProduct, Granting},
        create_promo_code::CreatePromoCode,
        quote_price::Ask,
        set_price::NewPrice,
        update_product::UpdateProduct,
        update_promo_code::UpdatePromoCode,
    },
    store::{self, product::Filter},
};

impl Door {
    /// A product with its prices in force.
    async fn priced(&self, product: Product) -> Result<pb::Product> {
        let now = self.0.clock.now();
        let prices = store::price::holding(&mut *self.connection().await?, &[product.id], now).await?;
        Ok(show::product(product, product::all_in_force(&prices, now)))
    }

    async fn list(&self, filter: Filter, page: contract::PageRequest) -> Result<Page<pb::Product>> {
        let (now, after) = (self.0.clock.now(), page.after()?);
        let mut conn = self.connection().await?;
        let found = store::product::list(&mut conn, &filter, after, page.limit()).await?;
        let by_title = filter.order_by == OrderBy::Title;
        let products = page.cut(found, |product| (by_title.then(|| product.title.clone()), product.id));
        let ids: Vec<ProductId> = products.items.iter().map(|product| product.id).collect();
        let mut prices: HashMap<ProductId, Vec<Price>> = HashMap::new();
        for price in store::price::holding(&mut conn, &ids, now).await? {
            prices.entry(price.product).or_default().push(price);
        }
        Ok(products.map(|product| {
            let prices = prices.remove(&product.id).unwrap_or_default();
            show::product(product, product::all_in_force(&prices, now))
        }))
    }
}

impl asked::ShopService for Door {
    async fn list_products(&self, _: Call, ask: asked::ListProducts) -> Result<Page<pb::Product>> {
        let (run, course) = (ask.run_id, ask.course_id);
        self.list(Filter { state: Some(State::Active), run, course, ..Filter::default() }, ask.page).await
    }

    async fn get_product(&self, _: Call, ask: asked::GetProduct) -> Result<pb::Product> {
        let found = store::product::active(&mut *self.connection().await?, ask.product_id).await?;
        self.priced(found.ok_or(Refusal::ProductNotFound)?).await
    }

    async fn quote_price(&self, call: Call, ask: asked::QuotePrice<Self>) -> Result<pb::Quote> {
        let buyer = match call.caller {
            Caller::Person(person) => Some(Id::from_uuid(person.user)),
            Caller::Anonymous | Caller::Service(_) => None,
        };
        let currency = ask.currency.unwrap_or(Currency::RUB);
        let ask = Ask { product: ask.product_id, promo: ask.promo_code, currency };
        Ok(show::quote(flows::quote_price::run(&self.0, buyer, &ask).await?))
    }
}

impl asked::ProductService for Door {
    async fn list_sales_products(&self, _: Call, ask: asked::ListSalesProducts<Self>) -> Result<Page<pb::Product>> {
        let (state, run, course) = (ask.state, ask.run_id, ask.course_id);
        self.list(Filter { state, run, course, order_by: ask.order_by.unwrap_or_default() }, ask.page).await
    }

    async fn get_sales_product(&self, _: Call, ask: asked::GetSalesProduct) -> Result<pb::Product> {
        let found = store::product::any(&mut *self.connection().await?, ask.product_id).await?;
        self.priced(found.ok_or(Refusal::ProductNotFound)?).await
    }

    async fn create_product(&self, call: Call, ask: asked::CreateProduct) -> Result<pb::Product> {
        let asked::ProductInput { title, description, grants: runs, prices } = ask.product;
        let mut fields = Fields::new();
        let (runs, prices) = fields.within("product", |fields| {
            let prices = prices.into_iter().enumerate();
            let prices: Vec<_> = prices.map(|(at, sent)| fields.item("prices", at, |in_it| price(in_it, sent))).collect();
            (grants(fields, runs), prices.into_iter().collect::<Option<Vec<_>>>())
        });
        let (grants, prices) = fields.finish((runs, prices))?;
        let command = CreateProduct { title, description, grants, prices };
        self.priced(flows::create_product::run(&self.0, &command, call.key.as_ref()).await?).await
    }

    async fn update_product(&self, _: Call, ask: asked::UpdateProduct) -> Result<pb::Product> {
        let asked::ProductPatch { title, description, grants: runs } = ask.product;
        let mut fields = Fields::new();
        let runs = fields.within("product", |fields| match runs {
            Some(runs) => grants(fields, runs).map(Some),
            None => Some(None),
        });
        let (grants,) = fields.finish((runs,))?;
        let command = UpdateProduct { product: ask.product_id, title, description, grants, version: ask.etag };
        self.priced(flows::update_product::run(&self.0, &command).await?).await
    }

    async fn archive_product(&self, _: Call, ask: asked::ArchiveProduct) -> Result<pb::Product> {
        self.priced(flows::archive_product::run(&self.0, ask.product_id).await?).await
    }

    async fn list_prices(&self, _: Call, ask: asked::ListPrices) -> Result<Page<pb::Price>> {
        let after = ask.page.after()?;
        let mut conn = self.connection().await?;
        store::product::any(&mut conn, ask.product_id).await?.ok_or(Refusal::ProductNotFound)?;
        let found = store::price::list(&mut conn, ask.product_id, after, ask.page.limit()).await?;
        Ok(ask.page.cut(found, |price| (price.starts_at, price.id)).map(|found| show::price(&found)))
    }

    async fn create_price(&self, call: Call, ask: asked::CreatePrice) -> Result<pb::Price> {
        let mut fields = Fields::new();
        let sent = fields.within("price", |fields| price(fields, ask.price));
        let (sent,) = fields.finish((sent,))?;
        Ok(show::price(&flows::set_price::run(&self.0, ask.product_id, &sent, call.key.as_ref()).await?))
    }

    async fn list_promo_codes(&self, _: Call, ask: asked::ListPromoCodes<Self>) -> Result<Page<pb::PromoCode>> {
        let (after, order_by) = (ask.page.after()?, ask.order_by.unwrap_or_default());
        let filter = store::promo::Filter { state: ask.state, code: ask.code, product: ask.product_id, order_by };
        let found = store::promo::list(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        let by_code = order_by == promo::OrderBy::Code;
        Ok(ask.page.cut(found, |promo| (by_code.then(|| promo.code.folded()), promo.id)).map(show::promo_code))
    }

    async fn get_promo_code(&self, _: Call, ask: asked::GetPromoCode) -> Result<pb::PromoCode> {
        let found = store::promo::find(&mut *self.connection().await?, ask.promo_code_id).await?;
        Ok(show::promo_code(found.ok_or(Refusal::PromoCodeNotFound)?))
    }

    async fn create_promo_code(&self, call: Call, ask: asked::CreatePromoCode<Self>) -> Result<pb::PromoCode> {
        let sent = ask.promo_code;
        let mut fields = Fields::new();
        let discount = fields.within("promo_code", |fields| discount(fields, sent.discount));
        let (discount,) = fields.finish((discount,))?;
        let command = CreatePromoCode {
            code: sent.code,
            discount,
            starts_at: sent.starts_at,
            ends_at: sent.ends_at,
            max_uses: sent.max_uses,
            max_uses_per_buyer: sent.max_uses_per_buyer,
            products: sent.product_ids,
            state: sent.state.unwrap_or_default(),
        };
        Ok(show::promo_code(flows::create_promo_code::run(&self.0, &command, call.key.as_ref()).await?))
    }

    async fn update_promo_code(&self, _: Call, ask: asked::UpdatePromoCode<Self>) -> Result<pb::PromoCode> {
        let sent = ask.promo_code;
        let command = UpdatePromoCode {
            promo: ask.promo_code_id,
            starts_at: sent.starts_at,
            ends_at: sent.ends_at,
            max_uses: sent.max_uses,
            max_uses_per_buyer: sent.max_uses_per_buyer,
            products: sent.product_ids,
            state: sent.state.map(Option::unwrap_or_default),
            version: ask.etag,
        };
        Ok(show::promo_code(flows::update_promo_code::run(&self.0, &command).await?))
    }
}

/// Runs with their lengths, each run once.
fn grants(fields: &mut Fields, sent: Vec<asked::GrantInput>) -> Option<Vec<Granting>> {
    let mut runs = HashSet::new();
    if !sent.iter().all(|grant| runs.insert(grant.run_id)) {
        fields.note(Violation::new("grants", ViolationCode::NotUnique, "expected each run once"));
        return None;
    }
    let grants = sent.into_iter().enumerate().map(|(at, grant)| {
        let length = grant.access_duration.map(Access::parse);
        let access = fields.item("grants", at, |fields| fields.take_if("access_duration", length));
        Some(Granting { run: grant.run_id, access: access? })
    });
    grants.collect::<Vec<_>>().into_iter().collect()
}

/// A price with its window.
fn price(fields: &mut Fields, sent: asked::PriceInput) -> Option<NewPrice> {
    let amount = fields.within("amount", |fields| fields.take("minor", amount(sent.amount)))?;
    Some(NewPrice { amount, starts_at: sent.starts_at, ends_at: sent.ends_at })
}

fn discount(fields: &mut Fields, sent: asked::PromoCodeInputDiscount<Door>) -> Option<Discount> {
    match sent {
        asked::PromoCodeInputDiscount::PercentBasisPoints(points) => Some(Discount::Percent(points)),
        asked::PromoCodeInputDiscount::Amount(off) => fields.within("amount", |fields| {
            let off = fields.take("minor", amount(off))?;
            fields.take("minor", Discount::fixed(off))
        }),
    }
}

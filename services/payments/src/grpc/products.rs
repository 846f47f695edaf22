//! What is for sale: the shop window, and what managers do with products, prices and promo codes.

use contract::{Call, Page, PageRequest, payments as asked, show};
use proto::lyceum::payments::v1 as pb;
use rpc::{Fields, Invalid, Violation, ViolationCode};
use values::Currency;

use super::Door;
use crate::{
    domain::{Product, Refusal, product, promo},
    error::Result,
    flows::{
        self, create_product::CreateProduct, create_promo_code::CreatePromoCode, quote_price::Ask, set_price::NewPrice,
        update_product::UpdateProduct, update_promo_code::UpdatePromoCode,
    },
    store::{self, product::Filter},
};

impl Door {
    async fn offer(&self, product: Product) -> Result<pb::Product> {
        let offers = store::price::offers(&mut *self.connection().await?, vec![product], self.0.clock.now()).await?;
        Ok(show(offers.into_iter().next().ok_or(Refusal::ProductNotFound)?))
    }

    async fn list(&self, filter: Filter, page: PageRequest) -> Result<Page<pb::Product>> {
        let (after, by_title) = (page.after()?, filter.order_by == product::OrderBy::Title);
        let mut conn = self.connection().await?;
        let found = store::product::list(&mut conn, &filter, after, page.limit()).await?;
        let Page { items, next } = page.cut(found, |it| (by_title.then(|| it.title.clone()), it.id));
        let offers = store::price::offers(&mut conn, items, self.0.clock.now()).await?;
        Ok(Page { items: show(offers), next })
    }
}

impl asked::ShopService for Door {
    async fn list_products(&self, _: Call, ask: asked::ListProducts) -> Result<Page<pb::Product>> {
        let (run, course) = (ask.run_id, ask.course_id);
        self.list(Filter { state: Some(product::State::Active), run, course, ..Filter::default() }, ask.page).await
    }

    async fn get_product(&self, _: Call, ask: asked::GetProduct) -> Result<pb::Product> {
        let found = store::product::active(&mut *self.connection().await?, ask.product_id).await?;
        self.offer(found.ok_or(Refusal::ProductNotFound)?).await
    }

    async fn quote_price(&self, call: Call, ask: asked::QuotePrice<Self>) -> Result<pb::Quote> {
        let buyer = call.person().ok();
        let currency = ask.currency.unwrap_or(Currency::RUB);
        let ask = Ask { product: ask.product_id, promo: ask.promo_code, currency };
        Ok(show(flows::quote_price::run(&self.0, buyer, &ask).await?))
    }
}

impl asked::ProductService for Door {
    async fn list_sales_products(&self, _: Call, ask: asked::ListSalesProducts<Self>) -> Result<Page<pb::Product>> {
        let (state, run, course) = (ask.state, ask.run_id, ask.course_id);
        self.list(Filter { state, run, course, order_by: ask.order_by.unwrap_or_default() }, ask.page).await
    }

    async fn get_sales_product(&self, _: Call, ask: asked::GetSalesProduct) -> Result<pb::Product> {
        let found = store::product::any(&mut *self.connection().await?, ask.product_id).await?;
        self.offer(found.ok_or(Refusal::ProductNotFound)?).await
    }

    async fn create_product(&self, call: Call, ask: asked::CreateProduct) -> Result<pb::Product> {
        let asked::ProductInput { title, description, grants: runs, prices } = ask.product;
        let mut fields = Fields::new();
        let (grants, prices) = fields.within("product", |fields| {
            let prices = prices.into_iter().enumerate();
            let prices = prices.filter_map(|(at, sent)| fields.item("prices", at, |fields| price(fields, sent)));
            let prices: Vec<_> = prices.collect();
            (grants(fields, runs), Some(prices))
        });
        let (grants, prices) = fields.finish((grants, prices))?;
        let command = CreateProduct { title, description, grants, prices };
        self.offer(flows::create_product::run(&self.0, &command, call.key.as_ref()).await?).await
    }

    async fn update_product(&self, _: Call, ask: asked::UpdateProduct) -> Result<pb::Product> {
        let asked::ProductPatch { title, description, grants: runs } = ask.product;
        let mut fields = Fields::new();
        let runs = runs.map(|runs| fields.within("product", |fields| grants(fields, runs)));
        let grants = runs.flatten();
        fields.check()?;
        let command = UpdateProduct { product: ask.product_id, title, description, grants, version: ask.etag };
        self.offer(flows::update_product::run(&self.0, &command).await?).await
    }

    async fn archive_product(&self, _: Call, ask: asked::ArchiveProduct) -> Result<pb::Product> {
        self.offer(flows::archive_product::run(&self.0, ask.product_id).await?).await
    }

    async fn list_prices(&self, _: Call, ask: asked::ListPrices) -> Result<Page<pb::Price>> {
        let after = ask.page.after()?;
        let mut conn = self.connection().await?;
        store::product::any(&mut conn, ask.product_id).await?.ok_or(Refusal::ProductNotFound)?;
        let found = store::price::list(&mut conn, ask.product_id, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |price| (price.starts_at, price.id))))
    }

    async fn create_price(&self, call: Call, ask: asked::CreatePrice) -> Result<pb::Price> {
        let mut fields = Fields::new();
        let sent = fields.within("price", |fields| price(fields, ask.price));
        let (sent,) = fields.finish((sent,))?;
        Ok(show(flows::set_price::run(&self.0, ask.product_id, &sent, call.key.as_ref()).await?))
    }

    async fn list_promo_codes(&self, _: Call, ask: asked::ListPromoCodes<Self>) -> Result<Page<pb::PromoCode>> {
        let (after, order_by) = (ask.page.after()?, ask.order_by.unwrap_or_default());
        let filter = store::promo::Filter { state: ask.state, code: ask.code, product: ask.product_id, order_by };
        let found = store::promo::list(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        let by_code = order_by == promo::OrderBy::Code;
        Ok(show(ask.page.cut(found, |promo| (by_code.then(|| promo.code.folded()), promo.id))))
    }

    async fn get_promo_code(&self, _: Call, ask: asked::GetPromoCode) -> Result<pb::PromoCode> {
        let found = store::promo::find(&mut *self.connection().await?, ask.promo_code_id).await?;
        Ok(show(found.ok_or(Refusal::PromoCodeNotFound)?))
    }

    async fn create_promo_code(&self, call: Call, ask: asked::CreatePromoCode<Self>) -> Result<pb::PromoCode> {
        let sent = ask.promo_code;
        let command = CreatePromoCode {
            code: sent.code,
            discount: discount(sent.discount)?,
            starts_at: sent.starts_at,
            ends_at: sent.ends_at,
            max_uses: sent.max_uses,
            max_uses_per_buyer: sent.max_uses_per_buyer,
            products: sent.product_ids,
            state: sent.state.unwrap_or_default(),
        };
        Ok(show(flows::create_promo_code::run(&self.0, &command, call.key.as_ref()).await?))
    }

    async fn update_promo_code(&self, _: Call, ask: asked::UpdatePromoCode<Self>) -> Result<pb::PromoCode> {
        let sent = ask.promo_code;
        // A code that is switched off must not be accepted because its state was left out.
        if matches!(sent.state, Some(None)) {
            return Err(
                Invalid::from(Violation::new("promo_code.state", ViolationCode::Required, "is required")).into()
            );
        }
        let command = UpdatePromoCode {
            promo: ask.promo_code_id,
            starts_at: sent.starts_at,
            ends_at: sent.ends_at,
            max_uses: sent.max_uses,
            max_uses_per_buyer: sent.max_uses_per_buyer,
            products: sent.product_ids,
            state: sent.state.flatten(),
            version: ask.etag,
        };
        Ok(show(flows::update_promo_code::run(&self.0, &command).await?))
    }
}

fn grants(fields: &mut Fields, sent: Vec<asked::GrantInput>) -> Option<Vec<product::Granting>> {
    product::Granting::all(fields, sent.into_iter().map(|grant| (grant.run_id, grant.access_duration)).collect())
}

fn price(fields: &mut Fields, sent: asked::PriceInput) -> Option<NewPrice> {
    let amount = fields.within("amount", |fields| fields.take("minor", product::amount(sent.amount)))?;
    Some(NewPrice { amount, starts_at: sent.starts_at, ends_at: sent.ends_at })
}

fn discount(sent: asked::PromoCodeInputDiscount<Door>) -> Result<promo::Discount, Invalid> {
    match sent {
        asked::PromoCodeInputDiscount::PercentBasisPoints(points) => Ok(promo::Discount::Percent(points)),
        asked::PromoCodeInputDiscount::Amount(off) => {
            promo::Discount::fixed(off).map_err(|error| Invalid::field("promo_code.amount.minor", error))
        }
    }
}

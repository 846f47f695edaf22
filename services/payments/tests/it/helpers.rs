//! A school with a bank, buyers and a manager, in a few words.

use std::{sync::Arc, time::Duration};

use auth::Channel;
use payments::{
    app::{App, migrations},
    config::Rules,
    domain::schedule::Schedule,
    grpc, hear, jobs,
    provider::{
        Providers,
        tbank::{Config, Tbank},
    },
    return_pages::ReturnPages,
};
use proto::lyceum::{
    events::v1::{Envelope, RunPublished},
    payments::v1::{
        CreateOrderRequest, CreateProductRequest, CreatePromoCodeRequest, CreateRefundRequest, Entitlement,
        GetOrderRequest, Grant, ListMyEntitlementsRequest, ListPaymentsRequest, ListRefundsRequest, Order,
        PayOrderRequest, Payment, Price, Product, PromoCode, ReceiveWebhookRequest, ReceiveWebhookResponse, Refund,
        entitlement_service_client::EntitlementServiceClient, order::State, order_service_client::OrderServiceClient,
        product_service_client::ProductServiceClient, promo_code::Discount, sales_service_client::SalesServiceClient,
        shop_service_client::ShopServiceClient, webhook_service_client::WebhookServiceClient,
    },
    values::v1::Money,
};
use testkit::{Database, FixedClock, Fleet, Recorded, Served};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::bank::{Bank, PASSWORD, TERMINAL};

pub const MANAGER: &[&str] = &["products.edit", "orders.read", "orders.refund"];

/// Everything that a test needs.
pub struct World {
    pub bank: Bank,
    pub clock: FixedClock,
    pub db: Database,
    pub app: Arc<App>,
    pub fleet: Fleet,
    pub door: Served,
    pub manager: Uuid,
}

impl World {
    pub async fn new() -> Self {
        let bank = Bank::open().await;
        let url = bank.url();
        Self::with(bank, &url).await
    }

    /// A school whose bank is expected at another address than where it is.
    pub async fn with(bank: Bank, bank_url: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = FixedClock::default();
        let db = Database::new(&migrations()).await;
        let fleet = Fleet::new(clock.shared());
        let app = Arc::new(App {
            db: db.pool.clone(),
            clock: clock.shared(),
            providers: Providers::new(Arc::new(tbank(bank_url))),
            rules: rules(),
        });
        let door = testkit::serve(grpc::routes(Arc::clone(&app)), fleet.layer()).await;
        Self { bank, clock, db, app, fleet, door, manager: Uuid::new_v4() }
    }

    /// Lets what follows sort after what was, as it does where time passes.
    fn in_order(&self) {
        self.clock.advance(time::Duration::MILLISECOND);
    }

    fn as_person(&self, user: Uuid, permissions: &[&str]) -> Channel {
        self.door.to(self.fleet.person(user, permissions))
    }

    pub fn shop(&self) -> ShopServiceClient<Channel> {
        ShopServiceClient::new(self.door.to(self.fleet.visitor()))
    }

    pub fn shop_of(&self, buyer: Uuid) -> ShopServiceClient<Channel> {
        ShopServiceClient::new(self.as_person(buyer, &[]))
    }

    pub fn products(&self) -> ProductServiceClient<Channel> {
        ProductServiceClient::new(self.as_person(self.manager, MANAGER))
    }

    pub fn sales(&self) -> SalesServiceClient<Channel> {
        SalesServiceClient::new(self.as_person(self.manager, MANAGER))
    }

    pub fn sales_of(&self, user: Uuid, permissions: &[&str]) -> SalesServiceClient<Channel> {
        SalesServiceClient::new(self.as_person(user, permissions))
    }

    pub fn products_of(&self, user: Uuid, permissions: &[&str]) -> ProductServiceClient<Channel> {
        ProductServiceClient::new(self.as_person(user, permissions))
    }

    pub fn orders(&self, buyer: Uuid) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.as_person(buyer, &[]))
    }

    pub fn entitlements_of(&self, user: Uuid) -> EntitlementServiceClient<Channel> {
        EntitlementServiceClient::new(self.as_person(user, &[]))
    }

    pub fn exports(&self) -> EntitlementServiceClient<Channel> {
        EntitlementServiceClient::new(self.door.to(self.fleet.service()))
    }

    pub fn exported_sales(&self) -> SalesServiceClient<Channel> {
        SalesServiceClient::new(self.door.to(self.fleet.service()))
    }

    pub fn hooks(&self) -> WebhookServiceClient<Channel> {
        WebhookServiceClient::new(self.door.to(self.fleet.gateway()))
    }

    pub fn hooks_of(&self, user: Uuid) -> WebhookServiceClient<Channel> {
        WebhookServiceClient::new(self.as_person(user, MANAGER))
    }

    /// A run becomes known, as if courses had announced it.
    pub async fn publish(&self, title: &str, version: i64) -> RunPublished {
        let run = RunPublished {
            course_id: Uuid::new_v4().to_string(),
            run_id: Uuid::new_v4().to_string(),
            version: 1,
            title: title.into(),
            language: "ru".into(),
            lessons: vec![],
        };
        self.hear_of(&run, version).await;
        run
    }

    pub async fn hear_of(&self, run: &RunPublished, version: i64) {
        let envelope = Envelope { aggregate_version: version, ..Envelope::default() };
        let conn = &mut *self.db.pool.acquire().await.unwrap();
        hear::on_run_published(conn, &envelope, run.clone()).await.unwrap();
    }

    /// A product with two runs, of which the second is open for 30 days.
    pub async fn product(&self, minor: i64) -> Product {
        let (one, other) = (self.publish("Кройка", 1).await, self.publish("Шитьё", 1).await);
        let month = Some(time::Duration::days(30).into());
        let grants = vec![
            Grant { run_id: one.run_id, ..Grant::default() },
            Grant { run_id: other.run_id, access_duration: month, ..Grant::default() },
        ];
        let prices = vec![Price { amount: Some(roubles(minor)), ..Price::default() }];
        let product = Product { title: "Кройка и шитьё".into(), grants, prices, ..Product::default() };
        let request = CreateProductRequest { product: Some(product) };
        self.products().create_product(request).await.unwrap().into_inner()
    }

    pub async fn promo(&self, promo: PromoCode) -> PromoCode {
        let request = CreatePromoCodeRequest { promo_code: Some(promo) };
        self.products().create_promo_code(request).await.unwrap().into_inner()
    }

    pub async fn order(&self, buyer: Uuid, product: &Product) -> Order {
        self.try_order(buyer, product, "").await.unwrap()
    }

    pub async fn try_order(&self, buyer: Uuid, product: &Product, promo: &str) -> Result<Order, Status> {
        self.order_with_key(buyer, product, promo, &key()).await
    }

    pub async fn order_with_key(
        &self,
        buyer: Uuid,
        product: &Product,
        promo: &str,
        key: &str,
    ) -> Result<Order, Status> {
        let request = CreateOrderRequest {
            product_id: product.product_id.clone(),
            promo_code: Some(promo.to_owned()).filter(|code| !code.is_empty()),
            ..CreateOrderRequest::default()
        };
        Ok(self.orders(buyer).create_order(keyed(request, key)).await?.into_inner())
    }

    pub async fn pay(&self, buyer: Uuid, order: &Order) -> Payment {
        self.try_pay(buyer, order, &key()).await.unwrap()
    }

    pub async fn try_pay(&self, buyer: Uuid, order: &Order, key: &str) -> Result<Payment, Status> {
        self.in_order();
        let request = PayOrderRequest { order_id: order.order_id.clone(), ..PayOrderRequest::default() };
        Ok(self.orders(buyer).pay_order(keyed(request, key)).await?.into_inner())
    }

    /// The gateway hands a notification in.
    pub async fn notify(&self, body: Vec<u8>) -> ReceiveWebhookResponse {
        self.in_order();
        let request = ReceiveWebhookRequest {
            provider: "tbank".into(),
            body,
            address: "91.194.226.181".into(),
            ..ReceiveWebhookRequest::default()
        };
        self.hooks().receive_webhook(request).await.unwrap().into_inner()
    }

    /// The bank takes the money of a payment and says so.
    pub async fn capture(&self, payment: &Payment) {
        self.bank.happens(&payment.payment_id, "CONFIRMED");
        let reply = self.notify(self.bank.notice(&payment.payment_id, "CONFIRMED")).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"OK".as_slice()));
    }

    /// An order that was paid with money.
    pub async fn paid(&self, buyer: Uuid, product: &Product) -> (Order, Payment) {
        let order = self.order(buyer, product).await;
        let payment = self.pay(buyer, &order).await;
        self.capture(&payment).await;
        (order, payment)
    }

    pub async fn look(&self, buyer: Uuid, order: &Order) -> Order {
        let request = GetOrderRequest { order_id: order.order_id.clone() };
        self.orders(buyer).get_order(request).await.unwrap().into_inner()
    }

    pub async fn state(&self, buyer: Uuid, order: &Order) -> State {
        self.look(buyer, order).await.state()
    }

    pub async fn payments(&self, buyer: Uuid, order: &Order) -> Vec<Payment> {
        let request = ListPaymentsRequest { order_id: order.order_id.clone() };
        self.orders(buyer).list_payments(request).await.unwrap().into_inner().payments
    }

    pub async fn refund(&self, order: &Order, key: &str) -> Result<Refund, Status> {
        let request =
            CreateRefundRequest { order_id: order.order_id.clone(), reason: "Заболел".into(), amount: None };
        Ok(self.sales().create_refund(keyed(request, key)).await?.into_inner())
    }

    pub async fn refunds(&self, order: &Order) -> Vec<Refund> {
        let request = ListRefundsRequest { order_id: order.order_id.clone() };
        self.sales().list_refunds(request).await.unwrap().into_inner().refunds
    }

    pub async fn entitlements(&self, learner: Uuid) -> Vec<Entitlement> {
        let request = ListMyEntitlementsRequest::default();
        let answer = self.entitlements_of(learner).list_my_entitlements(request).await.unwrap();
        answer.into_inner().entitlements
    }

    /// Time passes and every job runs once.
    pub async fn tick(&self, after: Duration) {
        self.clock.advance(after.try_into().unwrap());
        jobs::ask_about_payments(&self.app).await.unwrap();
        jobs::resume_refunds(&self.app).await.unwrap();
        jobs::expire_orders(&self.app).await.unwrap();
    }

    /// What was announced, by short name, in order.
    pub async fn announced(&self) -> Vec<Recorded> {
        testkit::announced(&self.db.pool).await
    }

    pub async fn count(&self, event: &str) -> usize {
        let full = format!("lyceum.events.v1.{event}");
        self.announced().await.iter().filter(|recorded| recorded.kind == full).count()
    }

    /// Kopecks of the facts of a kind, for an order.
    pub async fn booked(&self, order: &Order, kind: &str) -> i64 {
        sqlx::query_scalar(
            "select coalesce(sum(amount_minor), 0)::bigint
             from revenue_facts
             where order_id = $1::uuid and kind = $2",
        )
        .bind(Uuid::parse_str(&order.order_id).unwrap())
        .bind(kind)
        .fetch_one(&self.db.pool)
        .await
        .unwrap()
    }
}

pub fn tbank(url: &str) -> Tbank {
    Tbank::new(Config {
        url: url.parse().unwrap(),
        terminal: TERMINAL.into(),
        password: PASSWORD.into(),
        notify: "https://school.test/hooks/tbank".parse().unwrap(),
        timeout: Duration::from_secs(5),
        roots: None,
        proxy: None,
    })
    .unwrap()
}

fn rules() -> Rules {
    Rules {
        lifetime: time::Duration::DAY,
        grace: time::Duration::minutes(15),
        schedule: Schedule::default(),
        pages: ReturnPages::of(&"https://school.test/".parse().unwrap(), &[]),
    }
}

pub fn key() -> String {
    Uuid::new_v4().to_string()
}

/// A request with its idempotency key.
pub fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

pub fn roubles(minor: i64) -> Money {
    Money { minor, currency: "RUB".into() }
}

/// A promo code of a tenth.
pub fn tenth(code: &str) -> PromoCode {
    PromoCode { code: code.into(), discount: Some(Discount::PercentBasisPoints(1_000)), ..PromoCode::default() }
}

/// The public name of a refusal.
#[track_caller]
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    rpc::Problem::from(&answer.unwrap_err()).reason
}

pub fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
